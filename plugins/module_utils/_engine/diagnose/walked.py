# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""The causes in the kernel's order: the way to the inode, and then the socket behind it.

Source: Linux ``net/unix/af_unix.c`` (``unix_find_bsd``, ``unix_stream_connect``,
``unix_may_send``).
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator

from ..census.findings import of_dead
from ..census.values import Place, Seen
from ..host.sock_diag import LISTEN, UnixSocket
from ..model.account import Credentials
from ..model.chain import SYMLINK, Chain
from ..model.words import Names, one_line
from ..reach import Refusal, refusals
from ..reach.names import group_called, user_called
from . import values
from .values import Cause, Change

MISSING, DANGLING, MISSING_DIRECTORY = "missing", "dangling-link", "missing-directory"
_DGRAM = "dgram"
_ACTIONS = {
    "user-entry": values.ACL_ENTRY,
    "group-entry": values.ACL_ENTRY,
    "owner-mode": values.OWNER_MODE,
    "group-mode": values.GROUP_MODE,
    "private-directory": values.OFFER_ELSEWHERE,
    "start": values.START,
    "other-path": values.USE_PATH,
}


def on_the_way(
    chain: Chain,
    who: Credentials,
    names: Names,
    *,
    as_group: bool = False,
    not_to_join: Collection[int] = (),
) -> Iterator[Cause]:
    """Yield what refuses before the kernel asks who listens, the first one first."""
    for one in refusals(chain, who, names, as_group=as_group, not_to_join=not_to_join):
        finding = one.finding
        code = _missing(chain, finding.path) if finding.rule == MISSING else finding.rule
        text = one.text
        if code == DANGLING:
            link = [part for part in chain.components if part.kind == SYMLINK][-1]
            text += f" The symbolic link {link.path} leads there (to {one_line(str(link.target))})."
        yield Cause(code, finding.errno or "", finding.path, text, _changes(one, chain, who, names))


def _missing(chain: Chain, path: str) -> str:
    if any(one.kind == SYMLINK for one in chain.components) and not _is_written(chain.path, path):
        return DANGLING
    return MISSING if path == chain.resolved else MISSING_DIRECTORY


def _is_written(whole: str, part: str) -> bool:
    normal = os.path.normpath(whole)
    return normal == part or normal.startswith(f"{part}/")


def _changes(one: Refusal, chain: Chain, who: Credentials, names: Names) -> tuple[Change, ...]:
    remedy = one.remedy
    if remedy is None:
        return ()
    commands = () if remedy.command is None else (remedy.command,)
    instead = None
    # Where a link is not followed, what it leads to has a name of its own.
    value = chain.resolved if one.finding.rule == "protected-symlink" else None
    if remedy.group is not None and remedy.kind == "user-entry":
        instead = _joining(remedy.group, remedy.path, who, names)
    change = Change(
        _ACTIONS[remedy.kind], remedy.text, remedy.path, value, commands, instead=instead
    )
    if remedy.kind == "group-mode" and not who.in_group(remedy.group or 0):
        return (change, _joining(remedy.group or 0, remedy.path, who, names))
    return (change,)


def _joining(gid: int, path: str, who: Credentials, names: Names) -> Change:
    group = names.group_name(gid)
    user = names.user_name(who.uid)
    return Change(
        values.JOIN_GROUP,
        f"Make {user_called(who.uid, names)} a member of {group_called(gid, names)}; running "
        "processes get the group when they are started anew.",
        path,
        group,
        (("usermod", "--append", "--groups", group, user),),
    )


def socket_causes(
    path: str, one: UnixSocket | None, wanted: str | None, start: Change | None
) -> Iterator[Cause]:
    """Yield why the socket at a path takes nobody whom permissions let in.

    ``one`` is the socket that was bound to the inode, ``wanted`` the type that the client asks for,
    and ``start`` would start the daemon.
    """
    if one is None:
        dead = of_dead(Seen(path, None, Place(path)))
        change = start or Change(values.START, dead.remedy, path)
        yield Cause(dead.code, "ECONNREFUSED", path, dead.message, (change,))
    elif wanted not in (None, one.type):
        change = Change(
            values.USE_TYPE,
            f"Let the client connect with the type {one.type} (SOCK_{one.type.upper()}), or the "
            f"daemon listen with {wanted}.",
            path,
            one.type,
        )
        text = f"{path} is a {one.type} socket, and the client asks for {wanted}."
        yield Cause("wrong-type", "EPROTOTYPE", path, text, (change,))
    elif one.type == _DGRAM:
        yield from _taken(path, one)
    else:
        yield from _not_accepted(path, one, start)


def _not_accepted(path: str, one: UnixSocket, start: Change | None) -> Iterator[Cause]:
    if one.state != LISTEN:
        change = Change(values.WAIT, "Wait until it has started, or look into its log.", path)
        text = f"A process has bound {path}, but does not listen on it yet (listen(2))."
        yield Cause("not-listening", "ECONNREFUSED", path, text, (change,))
    elif one.deaf:
        change = start or Change(values.START, "Restart its daemon.", path)
        text = f"The daemon has shut {path} down and takes no connections any more (shutdown(2))."
        yield Cause("shut-down", "ECONNREFUSED", path, text, (change,))
    elif one.queue is not None and one.queue[0] > one.queue[1]:
        waiting, most = one.queue
        change = Change(
            values.WAIT,
            "See why its daemon does not accept (it hangs, or has too few workers), or raise its "
            "backlog (Backlog= of a .socket unit; net.core.somaxconn limits it).",
            path,
        )
        text = (
            f"The queue of {path} is full: {waiting} connections wait to be accepted, and no more "
            f"than {most + 1} may. A client that does not block is refused, any other one waits."
        )
        yield Cause("queue-full", "EAGAIN", path, text, (change,))


def _taken(path: str, one: UnixSocket) -> Iterator[Cause]:
    if one.peer:
        advice = "Let the daemon not connect the socket that it receives with (connect(2))."
        text = (
            f"The datagram socket {path} is connected to another one, and takes messages from that "
            "one alone."
        )
        yield Cause("peer-taken", "EPERM", path, text, (Change(values.WAIT, advice, path),))
