# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""What mounts on the way have to do with it: stale ones, and stacks of them."""

from __future__ import annotations

from collections.abc import Iterator

from ..census import mounted, places
from ..errors import AccessError
from ..host import mounts
from ..host.mounts import Mount
from ..host.pinned import walked
from ..model.chain import DIRECTORY, Chain
from . import values
from .declared import Relation
from .served import Sockets
from .starting import start_of
from .values import Cause, Change

_Identity = tuple[int, int]


def mount_causes(
    chain: Chain,
    sockets: Sockets,
    table: list[Mount],
    start: Change | None,
    known: Relation | None = None,
) -> Iterator[Cause]:
    """Yield why a mount, and not a daemon, is the reason that nobody listens at a path.

    Nobody does, or the path does not lead to a socket at all.
    ``start`` would start the daemon, ``known`` is what is declared of the path.
    """
    yield from _directories(chain, table)
    leaf = chain.leaf
    if leaf is None or not mounts.at(table, leaf.path):
        return
    found = mounted.problems(table, {leaf.path: set()}, ())
    change = _repair(leaf.path, sockets, table, start, known)
    hides = change.action == values.UNMOUNT
    changes: tuple[Change, ...] = (change,)
    if mounts.echoes(table, leaf.path):
        # Only after that the daemon can make its socket anew.
        changes += (start or Change(values.START, "Start its daemon then.", leaf.path),)
    # The mount above is the cause where what is below it would do.
    for one in sorted(found, key=lambda one: (one.code == "doubled-mount") != hides):
        yield Cause(one.code, "ECONNREFUSED", leaf.path, one.message, changes)


def doubled(chain: Chain, table: list[Mount]) -> list[str]:
    """Return whole sentences about stacked mounts at a path that somebody serves all the same."""
    leaf = chain.leaf
    if leaf is None or not mounts.at(table, leaf.path):
        return []
    seen = {(leaf.device, leaf.inode)}
    found = mounted.problems(table, {leaf.path: seen}, seen)
    return [f"{one.message} {one.remedy}" for one in found]


def _repair(
    point: str,
    sockets: Sockets,
    table: list[Mount],
    start: Change | None,
    known: Relation | None,
) -> Change:
    """Return what takes mounts off that nobody serves, and mounts the socket of now there."""
    stack = mounts.at(table, point)
    dead = 1
    for one in reversed(stack[:-1]):
        if _is_alive(mounts.name_of(table, one), sockets):
            break
        dead += 1
    commands = (("umount", point),) * dead
    if dead < len(stack) or mounts.echoes(table, point):
        times = "" if dead == 1 else f" {dead} times"
        text = f"Unmount what covers the socket: umount {point}{times}."
        return Change(values.UNMOUNT, text, point, str(dead), commands)
    source = _name_then(table, stack[0])
    if source is None or source == point or not _is_alive(source, sockets):
        return _once_it_runs(point, None if source == point else source, commands, start, known)
    return Change(
        values.MOUNT_AGAIN,
        f"Unmount it, and mount the socket of now there: umount {point}; mount --bind {source} "
        f"{point}.",
        point,
        source,
        (*commands, ("mount", "--bind", source, point)),
    )


def _once_it_runs(
    point: str,
    source: str | None,
    unmount: tuple[tuple[str, ...], ...],
    start: Change | None,
    known: Relation | None,
) -> Change:
    """Return what mounts a socket there again that nobody makes at the moment."""
    if start is None and source is not None:
        start = start_of([source], None, None)
    if start is None:
        text = f"Unmount it (umount {point}), start the daemon, and mount its socket there again."
        return Change(values.MOUNT_AGAIN, text, point, None, unmount)
    if known is not None and known.endpoint is not None:
        # What keeps it mounts as well, and would be one mount too many by hand.
        apply = ("socket-access", "apply", known.declared.name)
        text = f"{start.text[:-1]}, and then have it mounted anew: {' '.join(apply)}."
        return Change(values.MOUNT_AGAIN, text, point, source, (*start.commands, apply))
    again: tuple[tuple[str, ...], ...] = ()
    if source is not None:
        again = (("mount", "--bind", source, point),)
    words = "; ".join(" ".join(one) for one in (*unmount, *start.commands, *again))
    end = "" if again else ", and mount its socket there again"
    text = f"Unmount it, start what makes its socket{', and mount that' if again else ''}: {words}{end}."
    return Change(values.MOUNT_AGAIN, text, point, source, (*unmount, *start.commands, *again))


def _is_directory(path: str) -> bool:
    try:
        leaf = walked(path).leaf
    except (AccessError, OSError):
        return False
    return leaf is not None and leaf.kind == DIRECTORY


def _is_alive(path: str | None, sockets: Sockets) -> bool:
    return path is not None and sockets.at(places.identities(path)) is not None


def _name_then(table: list[Mount], one: Mount) -> str | None:
    """Return at which path there was what a mount shows, whether it has that name still or not."""
    # Another mount of the same gives it no name.
    others = [other for other in table if other.root != one.root]
    return mounts.name_of(others, one._replace(deleted=False))


def _directories(chain: Chain, table: list[Mount]) -> Iterator[Cause]:
    """Yield the directories on the way that were removed, and are there through their mount only.

    A daemon whose directory is made anew at each start (RuntimeDirectory=) leaves such mounts
    behind.
    """
    for one in table:
        if not one.deleted or not chain.resolved.startswith(f"{one.point}/"):
            continue
        if mounts.at(table, one.point)[-1] is not one:
            continue
        source = _name_then(table, one)
        there = source is not None and _is_directory(source)
        commands: tuple[tuple[str, ...], ...] = (("umount", one.point),)
        if source is not None and there:
            commands = (*commands, ("mount", "--bind", source, one.point))
        yield Cause(
            "stale-mount",
            "ENOENT" if chain.leaf is None else "ECONNREFUSED",
            one.point,
            f"{one.point} is the mount of a directory that was removed since"
            + (f"; {source} is another one now" if there else "")
            + ", so what is made there does not show here.",
            (
                Change(
                    values.MOUNT_AGAIN,
                    f"Unmount it, and mount the directory of now there: "
                    f"{'; '.join(' '.join(words) for words in commands)}.",
                    one.point,
                    source,
                    commands,
                ),
            ),
        )
