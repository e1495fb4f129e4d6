# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host on paper for the loop: things with a set of words each, and a switch for its power."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.unixsocket.access.plugins.module_utils._engine.converge.forms import (
    kind_of,
    record_of,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.converge.loop import (
    Outcome,
    apply_steps,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.converge.record import (
    Record,
    RecordFile,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.converge.steps import (
    Want,
    plan_steps,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.errors import (
    AccessError,
    Withheld,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.resources.base import (
    Resource,
)

Words = frozenset[str]

# The kind of a thing is the part of its key before a colon, and these have none.
KINDS = ("a", "b", "c", "new")


def _any(value: Any) -> None:
    """Things of paper write what they like."""


FORM = record_of({kind: kind_of(_any, _any, _any) for kind in KINDS})


def words(*said: str) -> Words:
    return frozenset(said)


class Killed(BaseException):
    """The process is gone: nothing that it would do afterwards reaches the host."""


@dataclass
class Host:
    """What there is, what was written in which order, and what goes wrong.

    ``dies_after`` is how many writes, of things and of the record, still happen before a kill.
    """

    things: dict[str, Words] = field(default_factory=dict)
    identities: dict[str, str] = field(default_factory=dict)
    places: dict[str, int] = field(default_factory=dict)
    fails: dict[str, Exception] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    dies_after: int | None = None
    settled: list[str] = field(default_factory=list)
    unsettled: str | None = None
    impossible: set[str] = field(default_factory=set)
    withheld: set[str] = field(default_factory=set)
    closed: set[str] = field(default_factory=set)

    def write(self) -> None:
        if self.dies_after is not None:
            if self.dies_after <= 0:
                raise Killed
            self.dies_after -= 1

    def thing(self, key: str) -> Thing:
        return Thing(self, key)


class Thing(Resource[Words, Words]):
    """One thing; whoever asks for words gets them added to what is there."""

    def __init__(self, host: Host, key: str) -> None:
        self.host = host
        self.key = key

    def read(self) -> Words | None:
        if self.key in self.host.withheld:
            raise Withheld(f"{self.key} is kept from us.")
        return self.host.things.get(self.key)

    def wanted(self, base: Words, requests: Mapping[str, Words]) -> Words:
        if self.key in self.host.impossible:
            raise AccessError(f"{self.key} cannot be so.")
        return base.union(*requests.values()) - {"foreign"}

    def without_us(self, current: Words, before: Words, applied: Words) -> Words:
        return (current - (applied - before)) | (before - applied)

    def write(self, target: Words) -> None:
        self.host.write()
        if self.key in self.host.fails:
            raise self.host.fails[self.key]
        self.host.log.append(self.key)
        self.host.things[self.key] = target

    def foresee(self) -> None:
        if self.key in self.host.closed:
            raise Withheld(f"{self.key} is kept from us.")

    def settle(self) -> None:
        self.host.settled.append(self.key)
        if self.host.unsettled == self.key:
            raise AccessError(f"{self.key} does not settle.")

    def place(self, current: Words, target: Words) -> int:
        return self.host.places.get(self.key, 0)

    def narrows(self, current: Words, target: Words) -> bool:
        return True

    def in_words(self, state: Words | None) -> str:
        return f"{self.key}: {sorted(state or ())}\n"

    def changes(self, current: Words, target: Words) -> list[str]:
        return [f"{self.key} changes from {sorted(current)} to {sorted(target)}."]

    def identity(self) -> str | None:
        return self.host.identities.get(self.key)

    def merge(self, old: Words, new: Words, *, adds: bool) -> Words:
        return old | new if adds else new

    def state_to_json(self, state: Words) -> Any:
        return sorted(state)

    def state_from_json(self, data: Any) -> Words:
        return frozenset(data)

    def request_to_json(self, request: Words) -> Any:
        return sorted(request)

    def request_from_json(self, data: Any) -> Words:
        return frozenset(data)


class PaperRecord(RecordFile):
    """A record on the disk that dies with the host, or whose save fails by its number."""

    def __init__(self, directory: Path, host: Host) -> None:
        super().__init__(str(directory), FORM)
        self.host = host
        self.saves = 0
        self.failing: set[int] = set()

    def save(self, record: Record) -> None:
        self.host.write()
        self.saves += 1
        if self.saves in self.failing:
            raise OSError(28, "No space left on device")
        self.host.log.append("record")
        super().save(record)


@dataclass
class Bench:
    """A host and its record."""

    host: Host
    file: PaperRecord

    def run(
        self,
        *wants: tuple[str, str, str],
        also: Collection[str] = (),
        adds: bool = False,
    ) -> Outcome:
        """Run with wants (thing, holder, words with blanks between), and holders without one."""
        record = self.file.load()
        asked = [
            Want(self.host.thing(key), holder, frozenset(said.split()), adds)
            for key, holder, said in wants
        ]
        holders = {want.holder for want in asked} | set(also)
        steps = plan_steps(asked, holders, record, self.host.thing, KINDS)
        return apply_steps(steps, record, self.file)

    def planned(self, *wants: tuple[str, str, str], also: Collection[str] = ()) -> list[str]:
        asked = [
            Want(self.host.thing(key), who, frozenset(said.split())) for key, who, said in wants
        ]
        holders = {want.holder for want in asked} | set(also)
        steps = plan_steps(asked, holders, self.file.load(), self.host.thing, KINDS)
        return [step.resource.key for step in steps if step.changes]

    def killed(self, *wants: tuple[str, str, str], after: int, also: Collection[str] = ()) -> bool:
        """Run until the power goes off after so many writes; tell whether it did."""
        self.host.dies_after = after
        try:
            self.run(*wants, also=also)
        except Killed:
            return True
        finally:
            self.host.dies_after = None
        return False
