# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How many rounds a run takes, what goes back when one of them fails, and what is told of all."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine import clients, run
from ansible_collections.unixsocket.access.plugins.module_utils._engine.converge.loop import Outcome
from ansible_collections.unixsocket.access.plugins.module_utils._engine.converge.record import (
    Entry,
    Record,
    RecordFile,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.converge.steps import Step
from ansible_collections.unixsocket.access.plugins.module_utils._engine.errors import AccessError
from ansible_collections.unixsocket.access.plugins.module_utils._engine.report import Result
from ansible_collections.unixsocket.access.plugins.module_utils._engine.resources.membership import (
    Membership,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.task import Options

PUT_BACK = "Everything this run had changed was put back."


class Script:
    """What happens in each round, and everything that happened, in order."""

    def __init__(self) -> None:
        self.makes = [False, False, False]
        self.steps: list[list[Step]] = [[], [], []]
        self.fails: dict[str, BaseException] = {}
        self.log: list[str] = []
        self.open: set[int] = set()
        self.begun: tuple[Sequence[Step], Record] | None = None

    def happens(self, what: str) -> None:
        self.log.append(what)
        if what in self.fails:
            raise self.fails[what]


class Round:
    """A round on paper."""

    def __init__(self, script: Script) -> None:
        self.number = script.log.count("look 1") + script.log.count("look 2") + 1
        self.script = script
        self.record = Record({f"before {self.number}": Entry({}, {}, {"h": {}})})
        script.happens(f"look {self.number}")
        script.open.add(self.number)
        self.made_sockets = script.makes[self.number - 1]
        self.steps = script.steps[self.number - 1]

    def apply(self, dropped: Callable[[Record], object]) -> Outcome:
        self.script.happens(f"apply {self.number}")

        def rollback(reason: str) -> AccessError:
            # Through the pins of the round that made the change.
            assert self.number in self.script.open
            self.script.log.append(f"back {self.number}")
            return AccessError(f"{reason} {PUT_BACK}")

        return Outcome(self.steps, True, rollback)

    def prove(self) -> list[object]:
        self.script.happens(f"prove {self.number}")
        return []

    def result(self, outcome: Outcome, proofs: Sequence[object]) -> Result:
        return Result(outcome.changed, [f"round {self.number}"], {}, {})

    def close(self) -> None:
        self.script.open.discard(self.number)


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Script]:
    script = Script()

    def begin(steps: Sequence[Step], record: Record, result: Result, *, restart: bool) -> None:
        script.begun = (steps, record)

    monkeypatch.setattr(run, "Round", lambda tasks, options, file, choosing: Round(script))
    monkeypatch.setattr(clients, "begin_anew", begin)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    yield script
    assert script.open == set()


@pytest.fixture
def file(tmp_path: Path) -> RecordFile:
    return RecordFile(str(tmp_path / "record"))


def converge(file: RecordFile, **options: Any) -> Result:
    return run.converge([], Options(**options), file=file)


def test_one_round_is_enough(script: Script, file: RecordFile) -> None:
    assert converge(file).changes == ["round 1"]
    assert script.log == ["look 1", "apply 1", "prove 1"]


def test_another_one_for_sockets_that_were_made(script: Script, file: RecordFile) -> None:
    script.makes = [True, False, False]
    assert converge(file).changes == ["round 2"]
    assert script.log == ["look 1", "apply 1", "look 2", "apply 2", "prove 2"]


def test_never_a_third(script: Script, file: RecordFile) -> None:
    script.makes = [True, True, True]
    converge(file)
    assert script.log[-1] == "prove 2"


def test_check_mode_looks_once(script: Script, file: RecordFile) -> None:
    script.makes = [True, True, True]
    converge(file, check=True)
    assert script.log == ["look 1", "apply 1"]


def test_without_a_proof(script: Script, file: RecordFile) -> None:
    script.makes = [True, False, False]
    converge(file, prove=False)
    assert script.log[-1] == "apply 2"


@pytest.mark.parametrize("where", ["look 2", "apply 2"])
@pytest.mark.parametrize("error", [AccessError("It failed."), KeyboardInterrupt()])
def test_a_second_round_that_fails_takes_the_first_back(
    script: Script, file: RecordFile, where: str, error: BaseException
) -> None:
    script.makes = [True, False, False]
    script.fails = {where: error}
    with pytest.raises(type(error)) as caught:
        converge(file)
    assert script.log[-2:] == [where, "back 1"]
    if isinstance(error, AccessError):
        assert str(caught.value) == f"It failed. {PUT_BACK}"
    assert script.begun is None


@pytest.mark.parametrize("error", [AccessError("It failed."), KeyboardInterrupt()])
def test_a_proof_that_fails_takes_both_back(
    script: Script, file: RecordFile, error: BaseException
) -> None:
    script.makes = [True, False, False]
    script.fails = {"prove 2": error}
    with pytest.raises(type(error)) as caught:
        converge(file)
    assert script.log[-3:] == ["prove 2", "back 2", "back 1"]
    if isinstance(error, AccessError):
        assert str(caught.value) == f"It failed. {PUT_BACK}"


def test_a_first_round_that_fails_is_not_followed(script: Script, file: RecordFile) -> None:
    script.makes = [True, False, False]
    script.fails = {"apply 1": AccessError("It failed.")}
    with pytest.raises(AccessError, match="It failed"):
        converge(file)
    assert script.log == ["look 1", "apply 1"]


def member(user: str, *, was: bool, now: bool) -> Step:
    entry = Entry({}, {}, {"h": {}}) if now else None
    return Step(Membership(user, "db"), was, now, entry)


def test_who_lost_a_group_in_the_first_round_begins_anew(script: Script, file: RecordFile) -> None:
    """The second round knows nothing of him any more."""
    script.makes = [True, False, False]
    gone, came = member("old", was=True, now=False), member("new", was=False, now=True)
    again = member("new", was=True, now=True)
    script.steps = [[gone, came], [again], []]
    converge(file)
    assert script.begun is not None
    steps, record = script.begun
    assert {step.resource.key for step in steps} == {"member:old:db", "member:new:db"}
    assert len(steps) == 2
    assert gone in steps
    # What there was before the run tells whose units may be restarted.
    assert record.entries.keys() == {"before 1"}
