# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""The census: all sockets of this host's network namespace, looked at once and changing nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ..errors import AccessError
from ..host import mounts, sock_diag
from ..host.accounts import HostNames
from ..host.clients import clients
from ..host.creator import Creator
from ..host.holders import Holders, holders_of
from ..host.pinned import walked
from ..model.account import ROOT, Credentials
from ..model.chain import Chain
from ..model.words import Names
from . import dead, findings, mounted
from .judged import Judges, reach_of_abstract
from .people import People, people
from .places import identities, place_of, resolved
from .polkit import asks_polkit
from .processes import Processes
from .stale import StaleGroups
from .units import Managers, run_by_root
from .values import MANAGER, Census, Finding, Managed, Place, Process, Seen, is_abstract, name_of

_SHOW = (
    sock_diag.SHOW_NAME
    | sock_diag.SHOW_VFS
    | sock_diag.SHOW_PEER
    | sock_diag.SHOW_WAITING
    | sock_diag.SHOW_UID
)
_NO_SOCKET = "is not a socket, or cannot be looked at"
_SEVERITIES = {"high": 0, "medium": 1, "low": 2}


def look(
    paths: Sequence[str] | None,
    managed: Sequence[Managed],
    stranger: Credentials,
    names: Names | None = None,
) -> Census:
    """Return the sockets at these paths, or all sockets, and what is wrong with them.

    ``managed`` are the declared sockets of this host, ``stranger`` is somebody who is none of its
    users.  Something that comes or goes meanwhile is no error.
    """
    return _Look(paths, managed, stranger, names or HostNames()).census()


class _Look:
    def __init__(
        self,
        paths: Sequence[str] | None,
        managed: Sequence[Managed],
        stranger: Credentials,
        names: Names,
    ) -> None:
        self.paths = paths
        self.managed = [(one, set(map(resolved, one.paths))) for one in managed]
        self.names = names
        self.unseen: list[str] = []
        self.people: People = people(stranger)
        self.writers = self.people.writers()
        self.judges = Judges(self.people, names)
        self.table = mounts.read()
        self.targets = mounted.targets(self.table)
        self.elsewhere = dead.Elsewhere()
        self.sockets = sock_diag.own(_SHOW)
        self.alive = dead.bound(self.sockets)

    def census(self) -> Census:
        chosen = self._chosen([one for one in self.sockets if one.takes and one.name])
        peers = clients(self.sockets, chosen)
        wanted = {one.number for one in chosen}.union(*peers.values())
        holders = holders_of(wanted)
        processes = Processes(self.names)
        managers = Managers()
        seen = []
        for one in chosen:
            held = processes.all(holders.of(one.number))
            place = Place(None) if is_abstract(one) else place_of(one, holders.of(one.number))
            maker = managers.creator(one, held)
            connected = peers.get(one.number, set())
            name = place.path or name_of(one) or ""
            seen.append(
                self._with_path(
                    Seen(
                        name,
                        one,
                        place,
                        processes=held,
                        creator=maker or _unit_of(held),
                        connected=processes.connected(connected, holders),
                        connections=len(connected),
                        # What is known of systemd's own socket is nothing about its service.
                        root=_root_of(one, held) if held or maker is None else None,
                        asks_polkit=asks_polkit(name),
                    )
                )
            )
        seen = self._with_services(seen)
        dead_ones = [self._with_path(Seen(path, None, Place(path))) for path in self._dead()]
        self._say_hidden(holders, seen)
        found = [*self._findings(seen), *map(findings.of_dead, dead_ones)]
        found += [
            one
            for later in dead_ones
            for one in findings.of_socket(later, self.names, self.writers)
        ]
        found += self._about_mounts()
        found.sort(key=lambda one: (_SEVERITIES[one.severity], one.code, one.socket))
        every = sorted([*seen, *dead_ones], key=lambda one: (one.abstract, one.name))
        return Census(tuple(every), tuple(dict.fromkeys(found)), tuple(self.unseen))

    def _chosen(self, sockets: list[sock_diag.UnixSocket]) -> list[sock_diag.UnixSocket]:
        if self.paths is None:
            return sockets
        wanted = {path for path in self.paths if path.startswith("@")}
        files: set[tuple[int, int]] = set()
        for path in self.paths:
            if path.startswith("@"):
                continue
            found = identities(path)
            if not found:
                self.unseen.append(self._no_socket(path))
            files |= found
        return [
            one
            for one in sockets
            if (one.device, one.inode) in files or (is_abstract(one) and name_of(one) in wanted)
        ]

    def _no_socket(self, path: str) -> str:
        """Return why there is no socket at a path that was asked for."""
        try:
            missing = walked(path).missing
        except AccessError as error:
            return str(error)
        except OSError:
            missing = None
        return f"{path} {_NO_SOCKET if missing is None else 'does not exist'}."

    def _with_path(self, seen: Seen) -> Seen:
        """Add what its path shows: who can connect, where else it is, who manages it."""
        if seen.abstract:
            return seen._replace(reach=reach_of_abstract())
        path = seen.place.path
        if path is None:
            return seen
        chain = self._chain(path)
        if chain is None or chain.leaf is None:
            return seen
        identity = (chain.leaf.device, chain.leaf.inode & 0xFFFFFFFF)
        at = [point for point, shown in self.targets.items() if identity in shown and point != path]
        names = {path, seen.bound, *at}
        return seen._replace(
            chain=chain,
            reach=self.judges.reach(chain),
            mounted_at=tuple(at),
            managed=tuple(one for one, paths in self.managed if names & paths),
        )

    def _chain(self, path: str) -> Chain | None:
        try:
            return walked(path)
        except PermissionError:
            return None
        except (AccessError, OSError) as error:
            self.unseen.append(f"The way to {path} could not be looked at: {error}")
            return None

    def _with_services(self, seen: list[Seen]) -> list[Seen]:
        """Find out as whom those run whose socket only systemd holds, where it is open to all."""
        asked = {
            unit
            for one in seen
            if one.reach is not None and one.reach.everyone
            for unit in [_waiting_unit(one)]
            if unit is not None
        }
        by_root = run_by_root(asked)
        return [_with_service(one, by_root) for one in seen]

    def _dead(self) -> list[str]:
        """Return the paths of sockets at which nobody listens, of those that are asked about."""
        if self.paths is None:
            declared = [path for one, dummy in self.managed for path in one.paths]
            candidates = [*dead.socket_files(self.unseen.append), *declared]
        else:
            candidates = [path for path in self.paths if path.startswith("/")]
        found = [
            path
            for path in dead.dead(map(resolved, candidates), self.alive.__contains__)
            # What is mounted there is told of as a mount.
            if path not in self.targets and not self.elsewhere.has(path)
        ]
        if self.elsewhere.hidden:
            self.unseen.append(
                f"{self.elsewhere.hidden} other network namespaces could not be entered, so the "
                "sockets there are not shown, and one without a listener is called dead only where "
                "it could be connected to (it takes CAP_SYS_ADMIN)."
            )
        return found

    def _findings(self, seen: list[Seen]) -> list[Finding]:
        found = [
            one for socket in seen for one in findings.of_socket(socket, self.names, self.writers)
        ]
        return [*found, *StaleGroups(self.people).of(seen)]

    def _about_mounts(self) -> Iterable[Finding]:
        chosen = None if self.paths is None else set(map(resolved, self.paths))
        for one in mounted.problems(self.table, self.targets, self.alive):
            if (chosen is None or one.socket in chosen) and not (
                one.code == "stale-mount" and self.elsewhere.has(one.socket)
            ):
                yield one

    def _say_hidden(self, holders: Holders, seen: list[Seen]) -> None:
        alone = [one.name for one in seen if not one.processes and not one.autobound]
        if holders.hidden:
            count = len(holders.hidden)
            self.unseen.append(
                f"The open files of {count} process{'' if count == 1 else 'es'} could not be seen "
                "(it takes root with CAP_SYS_PTRACE), so some of those that listen or are "
                "connected are not named."
            )
        if alone:
            self.unseen.append(
                f"No process was found that holds these sockets: {', '.join(alone)}."
            )


def _waiting_unit(seen: Seen) -> str | None:
    """Return the system's .socket unit whose service nobody has seen running."""
    if seen.root is not None or seen.creator is None or seen.creator.user is not None:
        return None
    return seen.creator.unit if seen.creator.unit.endswith(".socket") else None


def _with_service(seen: Seen, by_root: Mapping[str, bool]) -> Seen:
    unit = _waiting_unit(seen)
    if unit is not None:
        return seen._replace(root=by_root.get(unit))
    if seen.root is None and seen.processes:
        # No unit waits there for a client: it is systemd's own.
        return seen._replace(root=any(one.uid == ROOT for one in seen.processes))
    return seen


def _unit_of(held: Sequence[Process]) -> Creator | None:
    """Return the scope or the like that the first process is in, for what no unit has made."""
    for one in held:
        if one.unit is not None:
            return Creator(one.unit, one.unit_user)
    return None


def _root_of(one: sock_diag.UnixSocket, held: Sequence[Process]) -> bool | None:
    """Tell whether root serves a socket; None where only systemd holds it for somebody else."""
    serving = [process for process in held if process.unit != MANAGER]
    if serving:
        return any(process.uid == ROOT for process in serving)
    if held:
        return None if any(process.uid == ROOT for process in held) else False
    return None if one.uid is None else one.uid == ROOT
