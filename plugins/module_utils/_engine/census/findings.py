# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""What is wrong with a socket, told by what was seen of it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from ..model.access import Access
from ..model.account import ROOT
from ..model.acl import EXECUTE, WRITE
from ..model.chain import DIRECTORY, SOCKET, STICKY, Component
from ..model.words import Names, listed
from ..reach import other_writers
from .catalogue import BY_DESIGN, CROWDED_BY_DESIGN, POWERFUL, known
from .values import HIGH, LOW, MANAGER, MEDIUM, Finding, Seen

Members = Mapping[int, Collection[int]]


def of_socket(seen: Seen, names: Names, members: Members) -> Iterator[Finding]:
    """Yield all that the socket itself, its directories and its declaration show."""
    if seen.listener is not None:
        yield from _open_to_all(seen)
    yield from _directories(seen, names, members)
    yield from _masks(seen, names)
    yield from _managed(seen)


def _open_to_all(seen: Seen) -> Iterator[Finding]:
    if seen.reach is None or not seen.reach.everyone or seen.autobound:
        return
    powerful = known(seen.name, POWERFUL)
    by_root = seen.root is not False
    if seen.asks_polkit and _made_by_root_alone(seen):
        return
    if powerful is not None and by_root:
        yield Finding(
            "world-connectable-privileged",
            HIGH,
            seen.name,
            f"Everyone on this host can connect to {seen.name} of {powerful.what}, and whoever "
            f"can do that is as good as root: {powerful.why}.",
            _closing(seen),
        )
    elif known(seen.name, BY_DESIGN) and _made_by_root_alone(seen):
        return
    elif seen.abstract:
        yield Finding(
            "abstract-listener",
            MEDIUM if seen.root else LOW,
            seen.name,
            f"{_daemon(seen)} listens on the abstract name {seen.name}, which has no permissions: "
            "every process in this network namespace can connect.",
            "Let it listen on a path in a directory of its own, or see to it that it asks the "
            "kernel who is calling (SO_PEERCRED).",
        )
    elif seen.root:
        yield Finding(
            "world-connectable-root",
            MEDIUM,
            seen.name,
            f"Everyone on this host can connect to {seen.name}, and {_by_root(seen)}.",
            _closing(seen),
        )


def _made_by_root_alone(seen: Seen) -> bool:
    """Tell whether nobody but root can have put the socket where a known one is expected.

    It may be a user's own, as those of X servers are, in a directory of root's.
    """
    components = () if seen.chain is None else seen.chain.components
    return all(one.access.uid == ROOT or one.kind == SOCKET for one in components)


def _by_root(seen: Seen) -> str:
    unit = "" if seen.creator is None else seen.creator.unit
    if unit.endswith(".socket") and all(one.unit == MANAGER for one in seen.processes):
        return f"what {unit} starts for it begins as root"
    return f"{_daemon(seen, True)}, which serves it, runs as root"


def _daemon(seen: Seen, inside: bool = False) -> str:
    if seen.creator is not None:
        return seen.creator.unit
    if seen.processes:
        one = seen.processes[0]
        return f"{one.name} (pid {one.pid})"
    return "its daemon" if inside else "A daemon that cannot be seen"


def _closing(seen: Seen) -> str:
    if seen.abstract:
        return "Update its daemon, or let it listen on a path."
    return (
        f"Declare who may connect to {seen.name} in socket_policy_sockets, or take the "
        f"permission away from all others: chmod o-rwx {seen.name}."
    )


def _directories(seen: Seen, names: Names, members: Members) -> Iterator[Finding]:
    if seen.chain is None or seen.chain.leaf is None:
        return
    leaf = seen.chain.leaf
    directories = [one for one in seen.chain.components if one.kind == DIRECTORY]
    # Who serves the socket gets all that is said there, wherever it is.
    own = {ROOT, leaf.access.uid, *(one.uid for one in seen.processes)}
    for one in directories:
        writers = other_writers(one, members, names)
        sticky = bool(one.special & STICKY)
        if one.access.uid not in own:
            writers.append(f"user {names.user_name(one.access.uid)}, who owns it,")
        elif sticky and (one is not directories[-1] or one.path in CROWDED_BY_DESIGN):
            # What is in a sticky directory stays its owner's, and the next one on the way is.
            continue
        if not writers:
            continue
        what = (
            f"could take the name {leaf.path} while its daemon does not run"
            if sticky
            else f"could put a socket of their own in the place of {leaf.path}"
        )
        yield Finding(
            "writable-directory",
            LOW if sticky else MEDIUM,
            seen.name,
            f"In the directory {one.path}, through which {seen.name} is reached, "
            f"{listed(writers)} may write, and {what}.",
            "Let the daemon make its socket in a directory that only it may write to "
            "(RuntimeDirectory= of its unit).",
        )


def _masks(seen: Seen, names: Names) -> Iterator[Finding]:
    components: tuple[Component, ...] = () if seen.chain is None else seen.chain.components
    for one in components:
        want = EXECUTE if one.kind == DIRECTORY else WRITE
        lost = _lost(one.access, want, names) if one.kind in (DIRECTORY, SOCKET) else []
        if not lost:
            continue
        acl = one.access.acl
        off = "switches the whole list off" if acl.mask == 0 else "takes that away"
        where = "" if one.path == seen.name else f", which is on the way to {seen.name},"
        yield Finding(
            "acl-masked",
            MEDIUM,
            seen.name,
            f"The access control list of {one.path}{where} names {listed(lost)}, but its mask "
            f"{off}, as chmod(1) on it does, so these entries have no effect.",
            f"Declare the grants of {seen.name}, so that they are kept, or set the mask: setfacl "
            f"-m m::{'x' if want == EXECUTE else 'rw'} {one.path}.",
        )


def _lost(access: Access, want: int, names: Names) -> list[str]:
    acl = access.acl
    if acl.mask is None:
        return []
    if acl.mask == 0:
        # An entry that refuses has no effect either.
        users, groups = list(acl.users), list(acl.groups)
    else:
        users = [one for one in acl.users if one[1] & want & ~acl.mask]
        groups = [one for one in acl.groups if one[1] & want & ~acl.mask]
    return [f"user {names.user_name(uid)}" for uid, dummy in users] + [
        f"group {names.group_name(gid)}" for gid, dummy in groups
    ]


def _managed(seen: Seen) -> Iterator[Finding]:
    for one in seen.managed:
        if one.gone:
            yield Finding(
                "declared-gone",
                MEDIUM,
                seen.name,
                f"What {one.called} declares of {seen.name} names what is gone. {' '.join(one.gone)}",
                "Until that is done, every run refuses this socket.",
            )
        if one.state not in _STATES:
            continue
        code, what = _STATES[one.state]
        said = f"A run would change this: {' '.join(one.changes)}" if one.changes else ""
        on_host = f", or on the host: {one.remedy}" if one.remedy else ""
        yield Finding(
            code,
            MEDIUM,
            seen.name,
            f"{what.format(socket=seen.name, name=one.called)} {said}".rstrip(),
            f"On the host: {one.remedy}." if one.gone else f"Run the playbook again{on_host}.",
        )


# The states of ``socket-access status`` in which something is wrong.
_STATES = {
    "differs": ("drift", "{socket} is not as {name} declares it."),
    "hook missing": (
        "hook-missing",
        "What keeps {socket} as {name} declares it is not on the host as it should be.",
    ),
    "membership missing": (
        "membership-missing",
        "Somebody whom {name} lets in to {socket} as a member of a group is not in that group any more.",
    ),
}


def of_dead(seen: Seen) -> Finding:
    """Return what there is to say of a socket file at which nobody listens."""
    return Finding(
        "dead-socket",
        MEDIUM if seen.managed else LOW,
        seen.name,
        f"Nobody listens at {seen.name}: its daemon is gone and has left the file behind, so "
        "whoever may connect is refused (ECONNREFUSED).",
        f"Start its daemon; if it is not wanted any more, remove the file: rm {seen.name}.",
    )
