# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Clients that are connected to a socket now and get in no more once this run has closed it.

A connection outlives the right to make it, so they work on until they connect anew, maybe weeks
later.  What the kernel does not tell is not told, and stops no run.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from .closing import Closing, declared, is_narrowed, undone
from .converge.steps import Step
from .host.accounts import Accounts
from .host.clients import clients
from .host.listening import among
from .host.sock_diag import (
    SHOW_NAME,
    SHOW_PEER,
    SHOW_VFS,
    SHOW_WAITING,
    UnixSocket,
    dump,
    one_of_each,
)
from .model.access import Access
from .model.account import Credentials
from .model.acl import WRITE
from .model.chain import Chain, Component
from .model.words import Names
from .policy.types import Grant, Principal
from .reach.permission import decide
from .reach.walk import findings
from .report import Seen
from .resources.inode_access import InodeAccess

if TYPE_CHECKING:  # pragma: no cover
    from .host.holders import Holders
    from .host.pinned import Pin
    from .host.processes import Process
    from .shut_out_words import Client

_SHOW = SHOW_NAME | SHOW_VFS | SHOW_PEER | SHOW_WAITING
_OURS = "socket-access-"


class _Connected(NamedTuple):
    """The processes at the other ends of a socket's connections, and how many ends nobody holds."""

    processes: tuple[Process, ...]
    hidden: int


def shut_out(
    seen: Sequence[Seen],
    steps: Sequence[Step],
    moving: Collection[Grant],
    pins: Iterable[Pin],
    stranger: Credentials,
    names: Names,
) -> list[str]:
    """Return a sentence for each socket that these steps close to somebody who is connected.

    Another one tells where it is hidden who is.  It is asked before the steps are done, for some of
    them end connections.  ``moving`` are grants whose endpoint another method makes in this run,
    ``pins`` hold, with all else, the sockets that are not declared any more.
    """
    inodes = {step.resource.path: step for step in steps if isinstance(step.resource, InodeAccess)}
    narrowed = {path for path, step in inodes.items() if step.narrows}
    found = [*declared(seen, moving), *undone(seen, steps, pins)]
    closing = [one for one in found if is_narrowed(one.chain, narrowed)]
    if not closing:
        return []
    planned = {path: step.target for path, step in inodes.items() if step.target is not None}
    connected = _connected(closing)
    if not connected:
        return []
    from .shut_out_words import in_words

    accounts = Accounts()
    said = []
    for one in closing:
        there = connected.get(one.chain.resolved)
        if there is None:
            continue
        judged = _Judge(one, planned, stranger, accounts)
        out = [
            judged.client(process, names) for process in there.processes if judged.loses(process)
        ]
        if out:
            said.append(in_words(one.path, out, one.by))
        if there.hidden:
            said.append(
                f"The socket {one.path} gets narrower, and to whom {there.hidden} of "
                "its connections belong may not be seen here (it takes CAP_SYS_PTRACE), so look "
                "yourself whether these clients are declared: they will be refused when they "
                "connect anew if they are not."
            )
    return said


def _connected(closing: Sequence[Closing]) -> dict[str, _Connected]:
    """Return who is connected to each socket, by its path; what the kernel hides is left out."""
    try:
        leaves = {one.chain.resolved: one.chain.leaf for one in closing}
        found = dict(_ends({path: leaf for path, leaf in leaves.items() if leaf is not None}))
        theirs, own = (set().union(*ends) for ends in zip(*found.values())) if found else ((), ())
        if not theirs:
            return {}
        from .host.holders import holders_of

        holders = holders_of({*theirs, *own})
    except OSError:
        return {}
    return {path: _known(*ends, holders) for path, ends in found.items()}


def _ends(wanted: Mapping[str, Component]) -> Iterator[tuple[str, tuple[set[int], set[int]]]]:
    """Yield for each path the sockets of the clients, and those of the daemon.

    The kernel lists one network namespace at a time, and the daemon may have another one.
    """
    left = dict(wanted)
    for sockets in _lists():
        by_file = {
            (one.device, one.inode): one
            for one in sockets
            if one.takes and one.device is not None and one.inode is not None
        }
        found = {path: among(by_file, leaf) for path, leaf in left.items()}
        chosen = {path: one for path, one in found.items() if one is not None}
        peers = clients(sockets, chosen.values()) if chosen else {}
        opposite = {one.peer: one.number for one in sockets if one.peer and one.name}
        for path, one in chosen.items():
            del left[path]
            theirs = peers[one.number]
            yield path, (theirs, {one.number, *(opposite[end] for end in theirs & opposite.keys())})
        if not left:
            return


def _lists() -> Iterator[list[UnixSocket]]:
    """Yield the sockets of one's own network namespace, then of all others."""
    yield dump(None, _SHOW)
    for pid in one_of_each():
        try:
            yield dump(pid, _SHOW)
        except OSError:
            continue


def _known(theirs: set[int], own: set[int], holders: Holders) -> _Connected:
    from .host.processes import process

    daemon = {pid for end in own for pid in holders.of(end)}
    pids = {pid for end in theirs for pid in holders.of(end)} - daemon
    found = []
    for pid in sorted(pids):
        try:
            one = process(pid)
        except (OSError, KeyError, ValueError):
            continue  # As it is with one that ends at this moment.
        if one is not None and not (one.unit or "").startswith(_OURS):
            found.append(one)
    alone = sum(not holders.of(end) for end in theirs) if holders.hidden else 0
    return _Connected(tuple(found), alone)


class _Judge:
    """Who could connect to one socket before the steps of a run, and cannot after them."""

    def __init__(
        self,
        one: Closing,
        planned: Mapping[str, Access],
        stranger: Credentials,
        accounts: Accounts,
    ) -> None:
        self._one = one
        self._after = one.chain.with_access(planned)
        self._stranger = stranger
        self._accounts = accounts

    def loses(self, process: Process) -> bool:
        """Tell whether a process could connect anew before, and cannot after."""
        from .host.processes import credentials_of

        now = credentials_of(process, self._stranger)
        # That a process lacks a group that its user is given in this run is told by itself.
        then = now._replace(groups=now.groups | self._joined(process.uid))
        if any(self._is(process, principal) for principal in self._one.meant):
            return False
        passes, before = _passes, self._one.chain
        if not passes(before, now) and (self._one.mounted or _sees_otherwise(process.pid)):
            passes = _passes_at_the_end
        return passes(before, now) and not passes(self._after, then)

    def client(self, process: Process, names: Names) -> Client:
        """Return a process as it is told of."""
        from .shut_out_words import Client

        grants = (one for one in self._one.elsewhere if self._is(process, one.principal))
        ends = (grant.endpoint.at for grant in grants if grant.endpoint is not None)
        return Client(process, names.user_name(process.uid), next(ends, None))

    def _is(self, process: Process, principal: Principal) -> bool:
        if principal.kind == "user":
            user = self._accounts.user(principal.name)
            return user is not None and user.uid == process.uid
        group = self._accounts.group(principal.name)
        return group is not None and group.gid in process.gids

    def _joined(self, uid: int) -> set[int]:
        joined = set()
        for user, group in self._one.joining:
            one, other = self._accounts.user(user), self._accounts.group(group)
            if one is not None and one.uid == uid and other is not None:
                joined.add(other.gid)
        return joined


def _passes(chain: Chain, who: Credentials) -> bool:
    return all(one.allowed for one in findings(chain, who))


def _passes_at_the_end(chain: Chain, who: Credentials) -> bool:
    return chain.leaf is not None and decide(chain.leaf.access, who, WRITE).allowed


def _sees_otherwise(pid: int) -> bool:
    """Tell whether a process may have come by another way: a container's, a sandbox's, a chroot's."""
    try:
        if os.readlink(f"/proc/{pid}/ns/mnt") != os.readlink("/proc/self/ns/mnt"):
            return True
        # To go there could mean to wait for ever: its root may be a file system of the user's own.
        return os.readlink(f"/proc/{pid}/root") != "/"
    except OSError:
        return False
