# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""``socket-access status``: whether the host is as its policies say; nothing is changed."""

from __future__ import annotations

from typing import NamedTuple

from ..endpoints import method_by
from ..errors import AccessError
from ..faults import in_words
from ..keep.gate_rules import GATES
from ..making import HOOKED, INODES
from ..model.foreseen import as_it_stands
from ..report import Result
from ..run import converge
from ..task import Options, Task
from . import end, policies
from .output import Output

AS_DECLARED, DIFFERS, INCOMPLETE, NOT_A_MEMBER, HOOK_MISSING, MISSING, UNKNOWN = (
    "as declared",
    "differs",
    "incomplete",
    "membership missing",
    "hook missing",
    "missing",
    "unknown",
)
# The kinds of resources that decide who can connect.
_ACCESS = INODES | HOOKED
_UNMADE = (
    "The socket of this endpoint is gone, and the record of this host does not tell how it is made; "
    "run the playbook again."
)
_EDITED = (
    "Somebody edited the policy {} since the last run, and until it is put right hooks go by what it "
    "says now; what shall stay of that belongs into the declaration."
)


class State(NamedTuple):
    """One managed socket: its state in a word or two, and the changes that a run would make.

    ``gone`` are sentences about what its declaration names and the host has no more, ``remedy`` is the
    command that makes the changes.
    """

    name: str
    path: str | None
    state: str
    changes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    remedy: str | None = None

    @property
    def fine(self) -> bool:
        """Tell whether a run would change nothing."""
        return self.state in (AS_DECLARED, MISSING)

    def in_words(self) -> str:
        """Return one line about the socket."""
        called = self.name if self.path is None else f"{self.name} ({self.path})"
        way = (f"This puts it right: {self.remedy}.",) if self.remedy else ()
        notes = (line for note in (*self.gone, *self.notes) for line in note.split("\n"))
        return " ".join((f"{called}: {self.state}.", *self.changes, *way, *notes))


def states(names: list[str]) -> list[State]:
    """Return the state of each policy of this host."""
    recorded = policies.recorded()
    return [_state(name, recorded) for name in names]


def show(found: list[State], output: Output, *, as_json: bool) -> bool:
    """Print the states, and tell whether all is as declared."""
    if as_json:
        output.document([one._asdict() for one in found])
    else:
        for line in [one.in_words() for one in found] or ["No socket is managed on this host."]:
            output.say(line)
    return all(one.fine for one in found)


def _state(name: str, recorded: policies.Recorded) -> State:
    state = _compared(name, recorded)
    edited = None if state.state == UNKNOWN else policies.edited(name, recorded)
    if edited is None:
        return state
    return state._replace(notes=(_EDITED.format(edited), *state.notes))


def _compared(name: str, recorded: policies.Recorded) -> State:
    path = None
    try:
        task = policies.load(name, recorded=recorded)
        path = task.declared.path
        whole = converge([task], Options(check=True, prove=False))
        if whole.gone:
            # A whole run refuses what names somebody who is gone; a hook leaves that one out.
            inodes = converge([task], Options(check=True, prove=False, hook=True))
            return _incomplete(name, task, whole, inodes)
        ends = end.declared(name, recorded=recorded)
        timed = None if ends is None else converge([ends], Options(check=True, prove=False))
    except (AccessError, OSError) as error:
        return State(name, path, UNKNOWN, notes=(in_words(error),))
    state = compared(name, task, whole)
    more = () if timed is None else tuple(one for one in timed.changes if one not in whole.changes)
    if not more:
        return state
    # What ends its grants, of which the policy that its hooks apply does not know.
    return state._replace(
        state=HOOK_MISSING if state.fine else state.state,
        changes=(*state.changes, *more),
        remedy=f"socket-access end {name}",
    )


def _incomplete(name: str, task: Task, whole: Result, inodes: Result) -> State:
    return State(
        name,
        task.declared.path,
        DIFFERS if inodes.changes else INCOMPLETE,
        tuple(inodes.changes),
        tuple(one for one in whole.warnings if one not in whole.gone),
        tuple(as_it_stands(one) for one in whole.gone),
        f"socket-access apply --hook {name}" if inodes.changes else None,
    )


def compared(name: str, task: Task, whole: Result) -> State:
    """Return the state of a socket of which everything is there, by what a run would change."""
    told = whole.sockets[task.declared.name]
    exists = told["exists"]
    kinds = {key.partition(":")[0].partition("@")[0] for key in whole.touched}
    later = (one for one in whole.overridden if one in told["notes"])
    state, notes = MISSING if not exists else AS_DECLARED, (*later, *whole.warnings)
    ours = task.declared.serve is not None or method_by(task.declared.unit) is not None
    stopped = any(method_by(key.partition(":")[2]) for key in whole.touched if key[:5] == "unit:")
    if stopped or (ours and not exists):
        # A daemon may be down, but what makes an endpoint runs always.
        state, notes = DIFFERS, notes if whole.changes else (*notes, _UNMADE)
    elif kinds & _ACCESS or any(key.startswith(f"file:{GATES}/") for key in whole.touched):
        state = DIFFERS
    elif "member" in kinds:
        state = NOT_A_MEMBER
    elif whole.changes:
        state = HOOK_MISSING
    if state == MISSING:
        notes = (*_start(task), *notes)
    way = f"socket-access apply {name}" if whole.changes else None
    return State(name, task.declared.path, state, tuple(whole.changes), notes, remedy=way)


def _start(task: Task) -> tuple[str, ...]:
    """Return how the daemon is started whose socket is missing, where its unit is known."""
    unit = task.declared.unit or task.found_unit
    if unit is None:
        return ()
    # Loaded where a daemon is down.
    from ..diagnose import command_for

    user = task.declared.unit_user if task.declared.unit else task.found_user
    return (f"What makes it is started by: {' '.join(command_for('start', unit, user))}.",)
