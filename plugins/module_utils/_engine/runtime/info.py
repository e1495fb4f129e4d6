# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""The census of this host together with what is declared here, for the module and the command."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..census import Census, Managed, described, look
from ..errors import AccessError
from ..faults import in_words
from ..host.accounts import HostNames
from ..model.words import listed
from ..run import converge
from ..shortcut import LIBRARY
from ..strangers import stranger_here
from ..task import Options, Task
from . import policies, status


def info(paths: Sequence[str] | None = None) -> dict[str, Any]:
    """Return the sockets at these paths, or all, and the findings, in the published format.

    A path is absolute, or an abstract name after "@".  Raises AccessError where the kernel does
    not tell which sockets there are.
    """
    return described(census(paths), HostNames())


def census(paths: Sequence[str] | None = None) -> Census:
    """Return what ``info`` does, as values."""
    managed, problems = _managed()
    found = look(paths, managed, stranger_here())
    return found._replace(unseen=(*problems, *found.unseen))


def _managed() -> tuple[list[Managed], list[str]]:
    """Return what is declared on this host, and whole sentences about what cannot be told."""
    problems: list[str] = []
    tasks: dict[str, Task] = {}
    try:
        names = policies.names()
    except (AccessError, OSError) as error:
        return [], [f"What is declared on this host cannot be seen: {in_words(error)}"]
    recorded = policies.recorded()
    for name in names:
        try:
            tasks[name] = policies.load(name, recorded=recorded)
        except (AccessError, OSError) as error:
            problems.append(in_words(error))
    if not tasks:
        return [], problems
    found, unknown = [], dict[str, list[str]]()
    for state in _states(tasks):
        for one in state.notes if state.state == status.UNKNOWN else ():
            unknown.setdefault(one, []).append(state.name)
        state = _but_for_the_engine(state)
        task = tasks[state.name]
        ends = [grant.endpoint.at for grant in task.declared.allow if grant.endpoint is not None]
        paths = tuple(dict.fromkeys([task.declared.path, *ends]))
        found.append(
            Managed(
                state.name, task.holder, paths, state.state, state.changes, state.gone, state.remedy
            )
        )
    # The record is that of all of them.
    return found, problems + [
        f"{listed(called)} cannot be compared with the host: {one}"
        for one, called in unknown.items()
    ]


def _but_for_the_engine(state: status.State) -> status.State:
    """Leave out that the engine of this host is another release than the one that is asking.

    It keeps the socket as well as ever; the next run replaces it.
    """
    changes = tuple(one for one in state.changes if not one.startswith(f"The engine in {LIBRARY} "))
    if changes == state.changes:
        return state
    fine = state.state == status.HOOK_MISSING and not changes
    return state._replace(state=status.AS_DECLARED if fine else state.state, changes=changes)


def _states(tasks: dict[str, Task]) -> list[status.State]:
    """Compare with the host: all at once, and one by one only where something differs."""
    try:
        whole = converge(list(tasks.values()), Options(check=True, prove=False))
    except (AccessError, OSError):
        return status.states(list(tasks))
    if whole.changed:
        return status.states(list(tasks))
    return [status.compared(name, task, whole) for name, task in tasks.items()]
