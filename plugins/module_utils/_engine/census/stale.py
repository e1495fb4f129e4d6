# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Members of a group that lets them in, whose processes were started before they were members.

Credentials are fixed when a process starts (credentials(7)).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..host.processes import Process, credentials_of, processes_of
from ..model.words import listed
from ..reach.walk import findings
from .people import People, groups_changed
from .values import MEDIUM, Finding, Seen


def stale_group(socket: str, user: str, group: str, processes: list[str]) -> Finding:
    """Return what there is to say of processes that lack a group which their user is in."""
    return Finding(
        "stale-group",
        MEDIUM,
        socket,
        f"User {user} is in the group {group}, which may connect to {socket}, but these processes "
        f"of {user} run without it: {listed(processes)}.",
        "Restart their units, or end the session and begin it anew; a process gets its groups when "
        "it starts.",
    )


class StaleGroups:
    """Looks at all processes of the host once, and only if some socket is a group's."""

    def __init__(self, people: People) -> None:
        self._people = people
        self._gids = dict(people.groups)
        self._since = groups_changed()
        self._processes: dict[int, list[Process]] | None = None

    def of(self, sockets: Iterable[Seen]) -> Iterator[Finding]:
        """Yield whose processes are refused for lack of a group that their user is in."""
        for one in sockets:
            if one.reach is None or one.listener is None:
                continue
            for group in one.reach.groups:
                yield from self._of_group(one, one.reach.users, group)

    def _of_group(self, seen: Seen, let_in: Iterable[str], group: str) -> Iterator[Finding]:
        gid = self._gids.get(group)
        for user in [] if gid is None else self._people.members(gid):
            if gid is None or user.name not in let_in:
                continue
            old = [str(one) for one in self._of(user.uid) if self._is_stale(one, gid, seen)]
            if old:
                yield stale_group(seen.name, user.name, group, old)

    def _is_stale(self, process: Process, gid: int, seen: Seen) -> bool:
        # One that was started later lacks the group by its own choice.
        if seen.chain is None or process.started >= self._since or gid in process.gids:
            return False
        who = credentials_of(process, self._people.stranger)
        return not all(one.allowed for one in findings(seen.chain, who))

    def _of(self, uid: int) -> list[Process]:
        if self._processes is None:
            self._processes = {}
            for process in processes_of(None):
                self._processes.setdefault(process.uid, []).append(process)
        return self._processes.get(uid, [])
