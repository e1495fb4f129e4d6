# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Running processes whose groups are not what the group list says now.

Credentials are fixed when a process starts (credentials(7)), so a new member's processes go on
without the group, and a former member's with it, until they are started anew.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from .converge.record import Record
from .converge.steps import Step
from .host import commands
from .host.accounts import Accounts
from .host.processes import Process, processes_of
from .model.words import listed
from .report import Result
from .resources.membership import Membership

_SECONDS = 120.0


class Stale(NamedTuple):
    """A process, and the group that it lacks, or that it still has (``keeps``)."""

    process: Process
    user: str
    group: str
    keeps: bool

    def __str__(self) -> str:
        state = "still has" if self.keeps else "does not have"
        return f"{self.process} of user {self.user} {state} the group {self.group}"


def stale_processes(user: str, uid: int, group: str, gid: int, *, member: bool) -> list[Stale]:
    """Return the user's processes that lack the group as a member, or keep it as none."""
    return [
        Stale(process, user, group, keeps=not member)
        for process in processes_of(uid)
        if (gid in process.gids) != member
    ]


def restart_units(stale: Iterable[Stale], since: float) -> tuple[list[str], list[str]]:
    """Restart the system units of stale processes that were started before ``since``.

    Returns the units restarted, and whole sentences about those that were not: a unit whose
    process started later sets its groups by itself, and a user's own manager is not touched,
    because that would end the user's session.  Raises AccessError when a restart fails.
    """
    units: dict[str, Stale] = {}
    notes = []
    for one in stale:
        unit = one.process.unit
        if unit is None or not unit.endswith(".service"):
            notes.append(f"{one}, and no service runs it; start it anew.")
        elif one.process.user_manager is not None:
            notes.append(f"{one}; the user's session must be ended and begun anew.")
        elif one.process.started > since:
            notes.append(
                f"{one}, although it was started after the change; the unit {unit} sets its groups "
                "by itself, so name the group in its SupplementaryGroups=."
            )
        else:
            units.setdefault(unit, one)
    for unit, one in sorted(units.items()):
        commands.run(
            ("systemctl", "try-restart", "--", unit),
            seconds=_SECONDS,
            purpose=f"let the processes of user {one.user} begin anew with their groups of now",
        )
    return sorted(units), notes


def begin_anew(steps: Sequence[Step], record: Record, result: Result, *, restart: bool) -> None:
    """Name in the result the processes whose groups are old, and restart units that may be.

    Raises AccessError when a restart fails; the access itself is in effect and proven then.
    """
    accounts = Accounts()
    left: list[Stale] = []
    for step in steps:
        resource = step.resource
        if not isinstance(resource, Membership) or (step.entry is None and not step.changes):
            continue
        member = bool(step.target)
        stale = _stale(accounts, resource, member=member)
        since = _restart_since(step, record)
        if since is not None and stale and restart:
            units, notes = restart_units(stale, since)
            result.changes += [f"Unit {unit} was restarted." for unit in units]
            result.changed = result.changed or bool(units)
            result.warnings += notes
            stale = _stale(accounts, resource, member=member) if units else []
        left += stale
    result.warnings += in_words(left)


def _stale(accounts: Accounts, membership: Membership, *, member: bool) -> list[Stale]:
    user, group = accounts.user(membership.user), accounts.group(membership.group)
    if user is None or group is None:
        return []
    return stale_processes(user.name, user.uid, group.name, group.gid, member=member)


def _restart_since(step: Step, record: Record) -> float | None:
    """Return since when the groups are as they are, if units may be restarted for it."""
    entry = step.entry or record.entries.get(step.resource.key)
    if entry is None:
        return None
    requests = [step.resource.request_from_json(data) for data in entry.requests.values()]
    if not any(request.restart for request in requests):
        return None
    return time.time() if step.entry is None else min(one.since for one in requests)


def in_words(stale: Iterable[Stale]) -> list[str]:
    """Return one sentence for each group of processes that must be started anew."""
    units: dict[tuple[str, str, bool], list[str]] = {}
    for one in stale:
        units.setdefault((one.user, one.group, one.keeps), []).append(str(one.process))
    said = []
    for (user, group, keeps), processes in units.items():
        verb, end = ("keep", "lose") if keeps else ("lack", "get")
        said.append(
            f"These processes of user {user} {verb} the group {group} until they are started anew: "
            f"{listed(processes)}; restart their units to let them {end} it, or set "
            "restart_clients: true."
        )
    return said
