# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""``socket-access status``: whether the host is as its policies say; nothing is changed."""

from __future__ import annotations

from typing import NamedTuple

from ..endpoints import is_ours
from ..errors import AccessError
from ..faults import in_words
from ..model.foreseen import as_it_stands
from ..report import Result
from ..resources.unit import started_anew
from ..run import converge
from ..task import Options, Task
from . import end, policies
from .output import Output

AS_DECLARED, DIFFERS, MISSING, HOOK_MISSING, UNKNOWN = (
    "as declared",
    "differs",
    "missing",
    "hook missing",
    "unknown",
)


class State(NamedTuple):
    """One managed socket: its state in a word or two, and the changes that a run would make."""

    name: str
    path: str | None
    state: str
    changes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def fine(self) -> bool:
        """Tell whether a run would change nothing."""
        return self.state in (AS_DECLARED, MISSING)

    def in_words(self) -> str:
        """Return one line about the socket."""
        called = self.name if self.path is None else f"{self.name} ({self.path})"
        way = (f"This puts it right: socket-access apply {self.name}.",) if self.changes else ()
        notes = (line for note in self.notes for line in note.split("\n"))
        return " ".join((f"{called}: {self.state}.", *self.changes, *way, *notes))


def states(names: list[str]) -> list[State]:
    """Return the state of each policy of this host."""
    return [_state(name) for name in names]


def show(found: list[State], output: Output, *, as_json: bool) -> bool:
    """Print the states, and tell whether all is as declared."""
    if as_json:
        output.document([one._asdict() for one in found])
    else:
        for line in [one.in_words() for one in found] or ["No socket is managed on this host."]:
            output.say(line)
    return all(one.fine for one in found)


def _state(name: str) -> State:
    path = None
    try:
        task = policies.load(name)
        path = task.declared.path
        inodes = converge([task], Options(check=True, prove=False, hook=True))
        whole = converge([task], Options(check=True, prove=False))
        ends = end.declared(name)
        if ends is not None:
            # With what ends its grants, and its endpoints, of which no hook knows.
            timed = converge([ends], Options(check=True, prove=False))
            whole.changes += [one for one in timed.changes if one not in whole.changes]
    except (AccessError, OSError) as error:
        return State(name, path, UNKNOWN, notes=(in_words(error),))
    changes, notes = tuple(whole.changes), tuple(as_it_stands(one) for one in whole.warnings)
    if inodes.changes:
        return State(name, path, DIFFERS, changes, notes)
    if whole.changes:
        return State(name, path, HOOK_MISSING, changes, notes)
    return unchanged(name, task, whole, notes)


def unchanged(name: str, task: Task, whole: Result, notes: tuple[str, ...] = ()) -> State:
    """Return the state of a socket at which a run would change nothing."""
    path, unit = task.declared.path, str(task.declared.unit)
    if whole.sockets[task.declared.name]["exists"]:
        return State(name, path, AS_DECLARED, (), notes)
    if is_ours(unit):
        # A daemon may be down, but what makes an endpoint runs always.
        return State(name, path, DIFFERS, (started_anew(unit),), notes)
    return State(name, path, MISSING, (), notes)
