# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""The running processes of a user: which of them are refused although a new one is let in, and why.

A process has the groups, the capabilities and the mount namespace that it was started with.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from ..census.stale import stale_group
from ..host.processes import Process, credentials_of
from ..model.account import ROOT, Credentials
from ..model.chain import Chain
from ..model.words import Names, capital, listed, operand, setting_word
from ..reach import judge
from ..reach.names import user_called
from . import values
from .values import Answer, Cause, Change
from .views import INACCESSIBLE, View, Views

NAMESPACE = "mount-namespace"
# What ProtectHome= is about (systemd.exec(5)).
_HOMES = ("/home", "/root", "/run/user")
_Judge = Callable[[Chain, Credentials], list[Cause]]


class Group(NamedTuple):
    """Processes that are alike in all that decides: their groups, capabilities and namespace."""

    processes: tuple[Process, ...]
    who: Credentials
    view: View | None


class Asked(NamedTuple):
    """What is asked: the way on the host, a new process of the user, and when groups changed."""

    chain: Chain
    fresh: Credentials
    nobody: Credentials
    since: float
    names: Names


def running(
    asked: Asked, processes: Iterable[Process], refusals: _Judge, new: Answer
) -> tuple[list[Answer], list[str]]:
    """Return the answers for running processes that differ from the one for a new process.

    ``refusals`` gives the causes on a way for somebody.  Also returns sentences about what could
    not be seen.
    """
    views = Views(asked.chain.path)
    found = []
    for group in _groups(processes, asked, views):
        chain = asked.chain if group.view is None else group.view.chain
        causes = refusals(chain, group.who)
        if group.view is not None:
            causes = [_there(one, group.processes[0].pid) for one in causes]
        if not causes:
            if not new.connects:
                found.append(Answer((), group.processes, (_let_in(group, asked),)))
            continue
        nowhere = chain.leaf is None and asked.chain.leaf is None
        if not new.connects and (nowhere or _same(causes, new.causes)):
            continue
        special = tuple(_explained(group, causes, asked, refusals))
        counts = asked.fresh.uid != ROOT or group.view is None
        found.append(Answer(special, group.processes, (), counts))
    hidden = []
    if views.hidden:
        hidden.append(
            f"Mount namespaces that could not be seen: those of {_number(views.hidden)} (it takes "
            "root with CAP_SYS_PTRACE)."
        )
    elsewhere = sum(len(one.processes) for one in found if not one.counts)
    if elsewhere:
        hidden.append(
            f"{capital(_number(elsewhere))} of root in a container or a sandbox, where the path "
            "leads to something else or to nothing (--json lists them)."
        )
    return found, hidden


def _there(cause: Cause, pid: int) -> Cause:
    """Return a cause in somebody else's mount namespace, to be taken away in there."""
    enter = ("nsenter", "--mount", "--root", f"--target={pid}")
    return cause._replace(
        changes=tuple(
            one._replace(
                text=f"In the mount namespace of process {pid} ({' '.join(enter)}): {one.text}",
                commands=tuple((*enter, *words) for words in one.commands),
            )
            for one in cause.changes
        ),
    )


def _number(count: int) -> str:
    return f"{count} process{'' if count == 1 else 'es'}"


def _groups(processes: Iterable[Process], asked: Asked, views: Views) -> list[Group]:
    found: dict[tuple[object, ...], Group] = {}
    for one in processes:
        who, view = credentials_of(one, asked.nobody), views.of(one)
        # Processes of several units are told of apart, for each unit is restarted by itself.
        started_late = one.started >= asked.since
        key = (one.unit, one.user_manager, who, id(view), started_late)
        alike = found.get(key)
        before = () if alike is None else alike.processes
        found[key] = Group((*before, one), who, view)
    return list(found.values())


def _same(some: Iterable[Cause], others: Iterable[Cause]) -> bool:
    return [(one.code, one.path) for one in some] == [(one.code, one.path) for one in others]


def _let_in(group: Group, asked: Asked) -> str:
    more = sorted(group.who.groups - asked.fresh.groups - {asked.fresh.gid})
    because = []
    if more:
        because.append(f"the groups {listed([asked.names.group_name(gid) for gid in more])}")
    if group.who.passes and group.who.uid != ROOT:
        because.append("capabilities")
    if group.view is not None:
        because.append("a mount namespace of their own")
    why = f" They have {listed(because)}, which a new process has not." if because else ""
    return f"{called(group.processes)} can connect.{why}"


def _explained(
    group: Group, causes: list[Cause], asked: Asked, refusals: _Judge
) -> Iterator[Cause]:
    """Yield the causes with what is special about these processes put before what follows of it."""
    if group.view is not None and _differs(group.view.chain, asked.chain):
        yield _namespace(group, group.view, causes[0], asked)
        return
    fresh = refusals(asked.chain, asked.fresh)
    special = [one for one in causes if not any(_same([one], [other]) for other in fresh)]
    lacking = _lacking(group, asked)
    if special and lacking:
        yield _groups_lacking(group, lacking, special[0], asked)
    elif special and asked.fresh.overrides(2) and not group.who.overrides(2):
        yield _capability(group, special[0])
    else:
        for one in causes:
            yield one._replace(text=f"{called(group.processes)}: {one.text}")


def _differs(some: Chain, other: Chain) -> bool:
    one, two = some.leaf, other.leaf
    if one is None or two is None:
        return one is not two
    return (one.device, one.inode) != (two.device, two.inode)


def _lacking(group: Group, asked: Asked) -> list[int]:
    """Return the fewest groups of the user that would let the processes in."""
    chain = asked.chain if group.view is None else group.view.chain
    mine = asked.fresh.groups | {asked.fresh.gid}
    wanted = mine - group.who.groups
    for gid in sorted(wanted):
        fewer = Credentials(
            group.who.uid, group.who.gid, group.who.groups | wanted - {gid}, group.who.passes
        )
        if judge(chain, fewer).allowed:
            wanted -= {gid}
    whole = Credentials(group.who.uid, group.who.gid, group.who.groups | wanted, group.who.passes)
    return sorted(wanted) if judge(chain, whole).allowed else []


def _groups_lacking(group: Group, lacking: list[int], first: Cause, asked: Asked) -> Cause:
    user = user_called(asked.fresh.uid, asked.names)
    groups = [asked.names.group_name(gid) for gid in lacking]
    if group.processes[0].started < asked.since:
        said = stale_group(
            asked.chain.path, user, listed(groups), [str(one) for one in group.processes]
        )
        return Cause(said.code, first.errno, first.path, said.message, tuple(_restarts(group)))
    text = (
        f"User {user} is in the group {listed(groups)}, but {called(group.processes)} started "
        "without it after the groups had been changed: its unit, or whatever started it, sets "
        "other groups."
    )
    unit = group.processes[0].unit
    if unit is None or not unit.endswith(".service") or group.processes[0].user_manager:
        change = Change(values.LOOK, "Let what starts it begin with all groups of the user.")
        return Cause("own-groups", first.errno, first.path, text, (change,))
    change = _drop_in(
        unit, f"SupplementaryGroups={' '.join(map(setting_word, groups))}", ", ".join(groups)
    )
    return Cause("own-groups", first.errno, first.path, text, (change,))


def _capability(group: Group, first: Cause) -> Cause:
    text = (
        f"{called(group.processes)} runs as root, but without the capability CAP_DAC_OVERRIDE "
        f"(CapabilityBoundingSet= of the unit, or a container), so permissions hold for it. "
        f"{first.text}"
    )
    return Cause("lacks-capability", first.errno, first.path, text, first.changes)


def _namespace(group: Group, view: View, first: Cause, asked: Asked) -> Cause:
    path = asked.chain.path
    alone = len(group.processes) == 1
    verb, own = ("runs", "its") if alone else ("run", "their")
    what = (
        "does not exist"
        if view.chain.leaf is None
        else f"is not what it is on the host ({first.text.rstrip('.')})"
    )
    text = (
        f"{called(group.processes)} {verb} in a mount namespace of {own} own, in which {path} "
        f"{what}: {view.why()}."
    )
    changes = tuple(_into_namespace(group, view, asked))
    return Cause(NAMESPACE, first.errno, view.chain.missing or path, text, changes)


def _into_namespace(group: Group, view: View, asked: Asked) -> Iterator[Change]:
    leaf, here = view.chain.leaf, asked.chain.leaf
    if here is None:
        return
    unit = group.processes[0].unit
    service = unit is not None and unit.endswith(".service")
    if leaf is not None and leaf.kind == here.kind:
        # It was mounted there when the process was started, and its daemon has made another since.
        yield from _restarts(group)
        return
    above = os.path.dirname(here.path)
    covered = view.cover is not None and view.cover.point == above
    show = here.path if covered or above == "/" else above
    if unit is None or not service or group.processes[0].user_manager:
        text = f"Mount {show} into the container or the namespace in which they run."
        yield Change(values.LOOK, text, show)
        return
    line = f"BindPaths={show}"
    if view.cover is not None and INACCESSIBLE in view.cover.root:
        point = view.cover.point
        if point not in _HOMES:
            yield _opened(unit, point)
            return
        line = f"ProtectHome=tmpfs\n{line}"
    yield _drop_in(unit, line, show)
    if show == here.path:
        yield Change(
            values.LOOK,
            f"Better still, let the daemon make its socket in a directory of its own: a mount of "
            f"{show} alone is stale as soon as the daemon makes it anew.",
            show,
        )


def _opened(unit: str, point: str) -> Change:
    restart = " ".join(("systemctl", "restart", *operand(unit)))
    text = (
        f"Take {point} out of InaccessiblePaths= of {unit}, below which systemd mounts nothing, and "
        f"restart it: systemctl daemon-reload; {restart}."
    )
    return Change(values.CHANGE_UNIT, text, point, unit)


def _drop_in(unit: str, line: str, value: str) -> Change:
    path = f"/etc/systemd/system/{unit}.d/60-socket.conf"
    restart = ("systemctl", "restart", *operand(unit))
    return Change(
        values.DROP_IN,
        f"Put {' and '.join(line.splitlines())} into the section [Service] of {unit} (in {path}), "
        f"and restart it: "
        f"systemctl daemon-reload; {' '.join(restart)}.",
        path,
        value,
        (("systemctl", "daemon-reload"), restart),
        (path, f"[Service]\n{line}\n"),
    )


def _restarts(group: Group) -> Iterator[Change]:
    first = group.processes[0]
    if first.user_manager is not None:
        text = "The session of the user must be ended and begun anew."
        yield Change(values.RESTART, text, None, first.user_manager)
    elif first.unit is not None and first.unit.endswith(".service"):
        restart = ("systemctl", "restart", *operand(first.unit))
        text = f"Restart the unit: {' '.join(restart)}."
        yield Change(values.RESTART_UNIT, text, None, first.unit, (restart,))
    else:
        for one in group.processes:
            text = f"Start {one.name} (pid {one.pid}) anew, for no service runs it."
            yield Change(values.RESTART, text, None, str(one.pid))


def called(processes: Iterable[Process]) -> str:
    """Return processes as the beginning of a sentence, the first few of them by name."""
    found = list(processes)
    shown = [str(one) for one in found[:5]]
    if len(found) > 5:
        shown.append(f"{len(found) - 5} more")
    return f"The process{'' if len(found) == 1 else 'es'} {listed(shown)}"
