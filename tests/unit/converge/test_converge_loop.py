# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The transaction over things on paper: apply, again, undo, several holders, failures and kills."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.converge.loop import (
    Outcome,
    apply_steps,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.converge.record import (
    Record,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.converge.steps import (
    Want,
    called,
    plan_steps,
    without_holders,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.errors import (
    AccessError,
    Overtaken,
    Refusals,
    Withheld,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.resources.base import (
    FILES_COME,
    UNITS_START,
    UNITS_STOP,
)
from unit.converge.fakes import KINDS, Bench, Host, PaperRecord, Thing, words

A, B, C = ("a", "one", "x"), ("b", "one", "y"), ("c", "one", "z")
BORN = {"a": words("old"), "b": words(), "c": words("c")}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    host = Host(dict(BORN))
    return Bench(host, PaperRecord(tmp_path, host))


def test_apply_again_and_undo(bench: Bench) -> None:
    first = bench.run(A, B)
    assert first.changed
    assert bench.host.things == {"a": words("old", "x"), "b": words("y"), "c": words("c")}
    assert bench.host.log == ["record", "a", "b", "record"]
    bench.host.log.clear()
    again = bench.run(A, B)
    assert not again.changed
    assert again.changes == []
    assert bench.host.log == []
    undone = bench.run(also=["one"])
    assert undone.changed
    assert undone.notes == []
    assert bench.host.things == BORN
    assert bench.file.load() == Record()
    assert not bench.run(also=["one"]).changed


def test_what_is_there_already_is_recorded_and_not_written(bench: Bench) -> None:
    bench.host.things["a"] = words("old", "x")
    outcome = bench.run(A)
    assert not outcome.changed
    assert bench.host.log == ["record"]
    bench.run(also=["one"])
    assert bench.host.things["a"] == words("old", "x")


def test_changes_and_diff_in_words(bench: Bench) -> None:
    bench.host.places = {"a": 2, "b": 1}
    outcome = bench.run(A, B)
    assert outcome.changes == [
        "b changes from [] to ['y'].",
        "a changes from ['old'] to ['old', 'x'].",
    ]
    assert outcome.diff == {"before": "a: ['old']\nb: []\n", "after": "a: ['old', 'x']\nb: ['y']\n"}
    assert bench.run(A, B).diff == {"before": "", "after": ""}


def test_what_closes_comes_before_what_opens(bench: Bench) -> None:
    bench.host.places = {"a": 3, "b": 0, "c": 1}
    bench.run(A, B, C)
    assert bench.host.log == ["record", "b", "c", "a", "record"]


def test_drift_is_healed(bench: Bench) -> None:
    bench.run(A)
    bench.host.things["a"] |= {"foreign"}
    healed = bench.run(A)
    assert healed.changed
    assert bench.host.things["a"] == words("old", "x")
    assert not bench.run(A).changed


def test_what_was_taken_away_comes_back(bench: Bench) -> None:
    bench.run(A)
    bench.host.things["a"] = words("old")
    assert bench.run(A).changed
    assert bench.host.things["a"] == words("old", "x")
    bench.run(also=["one"])
    assert bench.host.things["a"] == words("old")


def test_what_others_added_is_left_by_undo_and_named(bench: Bench) -> None:
    bench.run(A)
    bench.host.things["a"] |= {"theirs"}
    undone = bench.run(also=["one"])
    assert bench.host.things["a"] == words("old", "theirs")
    (note,) = undone.notes
    assert "Somebody else changed this" in note
    assert "theirs" in note


def test_a_changed_request_replaces_the_earlier_one(bench: Bench) -> None:
    bench.run(A)
    bench.run(("a", "one", "w"))
    assert bench.host.things["a"] == words("old", "w")
    bench.run(also=["one"])
    assert bench.host.things["a"] == words("old")


def test_a_thing_that_is_no_longer_asked_for_goes_back(bench: Bench) -> None:
    bench.run(A, B)
    assert bench.planned(B) == ["a"]
    bench.run(B)
    assert bench.host.things == {**BORN, "b": words("y")}


def test_two_holders(bench: Bench) -> None:
    bench.run(A)
    bench.run(("a", "two", "w"))
    assert bench.host.things["a"] == words("old", "w", "x")
    assert bench.file.load().holders() == {"one", "two"}
    assert not bench.run(A).changed
    bench.run(also=["one"])
    assert bench.host.things["a"] == words("old", "w")
    bench.run(also=["two"])
    assert bench.host.things["a"] == words("old")


def test_two_holders_with_the_same_wish(bench: Bench) -> None:
    bench.run(A)
    assert not bench.run(("a", "two", "x")).changed
    assert not bench.run(also=["one"]).changed
    assert bench.host.things["a"] == words("old", "x")
    bench.run(also=["two"])
    assert bench.host.things["a"] == words("old")


def test_a_holder_that_adds(bench: Bench) -> None:
    bench.run(A)
    bench.run(("a", "one", "w"), adds=True)
    assert bench.host.things["a"] == words("old", "w", "x")
    assert not bench.run(A, adds=True).changed


def test_a_holder_that_adds_keeps_what_it_asked_of_other_things(bench: Bench) -> None:
    bench.run(A, B)
    bench.run(("a", "one", "w"), adds=True)
    assert bench.host.things == {**BORN, "a": words("old", "w", "x"), "b": words("y")}


def test_a_thing_that_is_gone_is_forgotten(bench: Bench) -> None:
    bench.run(A, B)
    del bench.host.things["a"]
    undone = bench.run(also=["one"])
    assert undone.changed
    assert bench.host.things == {"b": words(), "c": words("c")}
    assert bench.file.load() == Record()


def test_a_thing_that_was_made_anew(bench: Bench) -> None:
    bench.host.identities["a"] = "1"
    bench.run(A)
    bench.host.identities["a"] = "2"
    bench.host.things["a"] = words("new")
    assert bench.run(A).changed
    assert bench.host.things["a"] == words("new", "x")
    bench.run(also=["one"])
    assert bench.host.things["a"] == words("new")


def test_a_thing_made_anew_is_not_given_what_the_old_one_had(bench: Bench) -> None:
    bench.host.identities["a"] = "1"
    bench.run(A)
    bench.host.identities["a"] = "2"
    bench.host.things["a"] = words("new")
    undone = bench.run(also=["one"])
    assert bench.host.things["a"] == words("new")
    assert not undone.changed


def test_a_thing_born_as_it_shall_be_is_not_what_we_touched(bench: Bench) -> None:
    bench.host.identities["a"] = "1"
    bench.run(A)
    bench.host.identities["a"] = "2"
    assert not bench.run(A).changed
    assert not bench.run(also=["one"]).changed
    assert bench.host.things["a"] == words("old", "x")


@pytest.mark.parametrize("error", [OSError(30, "Read-only file system"), AccessError("No.")])
@pytest.mark.parametrize("failing", ["a", "b", "c"])
def test_a_step_that_fails_takes_all_back(bench: Bench, failing: str, error: Exception) -> None:
    bench.host.fails[failing] = error
    # The one that fails cannot be put back, either, but it was not changed.
    with pytest.raises(AccessError) as caught:
        bench.run(A, B, C)
    assert bench.host.things == BORN
    assert "could not be" in str(caught.value) or "No." in str(caught.value)
    bench.host.fails.clear()
    bench.run(A, B, C)
    bench.run(also=["one"])
    assert bench.host.things == BORN


class _FailsOnce(dict[str, Exception]):
    """Fails at the first write of a thing and not at the second one, which puts it back."""

    def __getitem__(self, key: str) -> Exception:
        return self.pop(key)


class _InterruptsOnce(dict[str, BaseException]):
    def __getitem__(self, key: str) -> BaseException:
        return self.pop(key)


def test_a_step_that_fails_is_named_and_the_record_is_as_before(bench: Bench) -> None:
    bench.run(A)
    before = Path(bench.file.path).read_bytes()
    things = dict(bench.host.things)
    bench.host.fails = _FailsOnce(c=OSError(30, "Read-only file system"))
    with pytest.raises(AccessError) as caught:
        bench.run(("a", "one", "w"), B, C)
    assert str(caught.value) == (
        "c could not be changed: Read-only file system (EROFS); that file system is read-only: "
        "mount it so that it can be written, and run again. "
        "Everything this run had changed was put back."
    )
    assert bench.host.things == things
    assert Path(bench.file.path).read_bytes() == before


def test_the_reason_of_the_failure_is_told_also_where_putting_back_fails(bench: Bench) -> None:
    bench.host.fails["b"] = OSError(5, "Input/output error")
    with pytest.raises(AccessError) as caught:
        bench.run(A, B)
    said = str(caught.value)
    assert "b could not be changed" in said
    assert "b could not be put back" in said
    assert "Everything this run had changed was put back" not in said
    # Not all is as it was, so what it was must stay known.
    assert "b" in bench.file.load().entries


def test_putting_back_goes_in_reverse_and_past_what_fails(bench: Bench) -> None:
    bench.host.places = {"a": 0, "b": 1, "c": 2}
    outcome = bench.run(A, B, C)
    bench.host.log.clear()
    bench.host.fails["b"] = OSError(5, "Input/output error")
    said = str(outcome.rollback("The proof failed."))
    assert said.startswith("The proof failed. b could not be put back: ")
    # The record first: from then on it tells of a run that is on its way.
    assert bench.host.log[:3] == ["record", "c", "a"]


def test_rollback_after_the_run(bench: Bench) -> None:
    bench.run(A)
    things, record = dict(bench.host.things), bench.file.load()
    outcome = bench.run(("a", "one", "w"), B, C)
    assert str(outcome.rollback("The proof failed.")) == (
        "The proof failed. Everything this run had changed was put back."
    )
    assert bench.host.things == things
    assert bench.file.load() == record


def test_rollback_of_a_run_that_changed_nothing(bench: Bench) -> None:
    bench.run(A)
    bench.host.log.clear()
    assert str(bench.run(A).rollback("The proof failed.")) == "The proof failed."
    assert bench.host.log == []


def test_rollback_of_an_undo(bench: Bench) -> None:
    bench.run(A, B)
    things = dict(bench.host.things)
    bench.run(also=["one"]).rollback("The proof failed.")
    assert bench.host.things == things
    bench.run(also=["one"])
    assert bench.host.things == BORN


def test_the_first_save_fails(bench: Bench) -> None:
    bench.file.failing = {1}
    with pytest.raises(AccessError) as caught:
        bench.run(A)
    assert "record" in str(caught.value)
    assert "No space left" in str(caught.value)
    assert bench.host.things == BORN
    assert bench.host.log == []


def test_the_last_save_fails(bench: Bench) -> None:
    bench.file.failing = {2}
    with pytest.raises(AccessError) as caught:
        bench.run(A)
    assert "record" in str(caught.value)
    assert "No space left" in str(caught.value)
    assert bench.host.things == BORN
    assert bench.file.load() == Record()


@pytest.mark.parametrize("failing", [{1}, {2}])
def test_a_save_fails_while_a_record_is_there(bench: Bench, failing: set[int]) -> None:
    bench.run(A)
    record, things = bench.file.load(), dict(bench.host.things)
    bench.file.saves, bench.file.failing = 0, failing
    with pytest.raises(AccessError):
        bench.run(("a", "one", "w"))
    assert bench.host.things == things
    assert bench.file.load() == record


def test_no_save_works_any_more(bench: Bench) -> None:
    """The last save fails, and so does the one that would put the record back."""
    bench.run(A)
    bench.file.saves, bench.file.failing = 0, {2, 3, 4}
    with pytest.raises(AccessError) as caught:
        bench.run(("a", "one", "w"))
    assert "No space left" in str(caught.value)
    assert bench.host.things["a"] == words("old", "x")
    bench.file.failing = set()
    bench.run(also=["one"])
    assert bench.host.things == BORN


WANTS = (A, B, C)


@pytest.mark.parametrize("after", range(6))
def test_a_kill_at_any_write_heals_and_undoes(bench: Bench, after: int) -> None:
    died = bench.killed(*WANTS, after=after)
    assert died == (after < 5)
    bench.run(*WANTS)
    assert bench.host.things == {"a": words("old", "x"), "b": words("y"), "c": words("c", "z")}
    assert not any(entry.pending for entry in bench.file.load().entries.values())
    assert not bench.run(*WANTS).changed
    bench.run(also=["one"])
    assert bench.host.things == BORN


@pytest.mark.parametrize("after", range(6))
def test_a_kill_at_any_write_can_be_undone_at_once(bench: Bench, after: int) -> None:
    bench.killed(*WANTS, after=after)
    bench.run(also=["one"])
    assert bench.host.things == BORN
    assert bench.file.load() == Record()


@pytest.mark.parametrize("after", range(6))
def test_a_kill_while_undoing(bench: Bench, after: int) -> None:
    bench.run(*WANTS)
    bench.killed(also=["one"], after=after)
    bench.run(also=["one"])
    assert bench.host.things == BORN
    assert bench.file.load() == Record()


@pytest.mark.parametrize("after", range(6))
@pytest.mark.parametrize("second", range(6))
def test_a_kill_while_healing_from_a_kill(bench: Bench, after: int, second: int) -> None:
    bench.run(A)
    bench.killed(("a", "one", "w"), B, C, after=after)
    bench.killed(("a", "one", "v"), B, after=second)
    bench.run(also=["one"])
    assert bench.host.things == BORN


@pytest.mark.parametrize("after", range(6))
def test_a_kill_and_another_holder(bench: Bench, after: int) -> None:
    bench.run(("a", "two", "w"))
    bench.killed(*WANTS, after=after)
    bench.run(also=["one"])
    assert bench.host.things == {**BORN, "a": words("old", "w")}
    bench.run(also=["two"])
    assert bench.host.things == BORN


def test_a_kill_before_any_change_and_then_others_change(bench: Bench) -> None:
    bench.killed(*WANTS, after=1)
    assert bench.host.things == BORN
    bench.run(*WANTS)
    bench.run(also=["one"])
    assert bench.host.things == BORN


def test_a_thing_made_anew_after_a_kill(bench: Bench) -> None:
    bench.host.identities["a"] = "1"
    bench.killed(A, after=2)
    bench.host.identities["a"], bench.host.things["a"] = "2", words("new")
    bench.run(A)
    bench.run(also=["one"])
    assert bench.host.things["a"] == words("new")


def test_planning_alone_changes_nothing(bench: Bench) -> None:
    assert bench.planned(*WANTS) == ["a", "b", "c"]
    assert bench.host.log == []
    assert bench.host.things == BORN
    bench.run(*WANTS)
    assert bench.planned(*WANTS) == []
    assert bench.planned(also=["one"]) == ["a", "b", "c"]


def test_what_would_be_there_without_some_holders(bench: Bench) -> None:
    bench.run(A)
    bench.run(("a", "two", "w"))
    record, thing = bench.file.load(), bench.host.thing("a")
    assert without_holders(thing, record, ["one"]) == words("old", "w")
    assert without_holders(thing, record, ["one", "two"]) == words("old")
    assert without_holders(thing, record, []) == words("old", "w", "x")
    assert without_holders(thing, Record(), ["one"]) == words("old", "w", "x")
    del bench.host.things["a"]
    assert without_holders(thing, record, ["one"]) is None


def test_a_thing_that_does_not_exist_is_no_step(bench: Bench) -> None:
    want = Want(bench.host.thing("new"), "one", words("x"))
    assert plan_steps([want], {"one"}, Record(), bench.host.thing, KINDS) == []


def test_things_of_other_kinds_stay_as_they_are(bench: Bench) -> None:
    bench.run(A, B)
    record = bench.file.load()
    steps = plan_steps([], {"one"}, record, bench.host.thing, ("a",))
    assert [step.resource.key for step in steps] == ["a"]
    apply_steps(steps, record, bench.file)
    assert bench.host.things == {**BORN, "b": words("y")}
    assert list(bench.file.load().entries) == ["b"]


def test_things_settle_once_all_are_changed(bench: Bench) -> None:
    bench.run(A, B)
    assert bench.host.settled == ["a", "b"]
    bench.host.settled.clear()
    bench.run(A, B)
    assert bench.host.settled == []


def test_what_does_not_settle_takes_all_back(bench: Bench) -> None:
    bench.host.unsettled = "a"
    with pytest.raises(AccessError, match="a does not settle"):
        bench.run(A, B)
    assert bench.host.things == BORN


def test_what_is_put_back_settles_as_well_and_what_does_not_is_told(bench: Bench) -> None:
    outcome = bench.run(A, B)
    bench.host.settled.clear()
    bench.host.unsettled = "b"
    said = str(outcome.rollback("The proof failed."))
    assert bench.host.settled == ["a", "b"]
    assert "b does not settle" in said
    assert "Everything this run had changed was put back" not in said


def test_what_waits_for_the_run_is_let_go_before_anything_is_put_back(bench: Bench) -> None:
    steps = plan_steps(
        [Want(bench.host.thing("a"), "one", words("x"))], {"one"}, Record(), bench.host.thing, KINDS
    )
    outcome = apply_steps(steps, Record(), bench.file, lambda: bench.host.log.append("going back"))
    bench.host.log.clear()
    outcome.rollback("The proof failed.")
    assert bench.host.log[0] == "going back"
    assert "a" in bench.host.log


def test_a_step_that_comes_too_late_is_not_put_back(bench: Bench) -> None:
    """What somebody else made meanwhile is his, and the caller looks anew."""
    bench.host.places = {"a": 0, "b": 1}
    bench.host.fails["b"] = Overtaken("b was made anew.")
    with pytest.raises(
        Overtaken, match=r"b was made anew\. Everything this run had changed was put"
    ):
        bench.run(A, B)
    assert [key for key in bench.host.log if key != "record"] == ["a", "a"]
    assert bench.host.things == BORN
    assert bench.file.load() == Record()


def test_an_interrupt_takes_all_back_and_goes_on(bench: Bench) -> None:
    bench.host.fails = _InterruptsOnce(b=KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        bench.run(A, B, C)
    assert bench.host.things == BORN
    assert bench.file.load() == Record()


def test_a_thing_that_is_away_is_remembered_as_long_as_it_is_asked_for(bench: Bench) -> None:
    bench.host.identities["a"] = "1"
    bench.run(A)
    entry = bench.file.load().entries["a"]
    del bench.host.things["a"]
    assert not bench.run(A).changed
    assert bench.file.load().entries == {"a": entry}
    bench.run(also=["one"])
    assert bench.file.load() == Record()


def test_a_thing_that_is_born_so_because_of_us_goes_back_to_what_it_was(bench: Bench) -> None:
    bench.host.identities["a"] = "1"
    bench.run(A)
    bench.host.identities["a"] = "2"
    born = words("old", "x")
    record = bench.file.load()
    want = Want(bench.host.thing("a"), "one", words("x"), births=[born])
    steps = plan_steps([want], {"one"}, record, bench.host.thing, KINDS)
    assert not apply_steps(steps, record, bench.file).changed
    # A run that does not decide it, such as an undo, remembers the births.
    bench.host.identities["a"] = "3"
    bench.run(also=["one"])
    assert bench.host.things["a"] == words("old")


def test_births_are_those_of_the_run_that_decides_them(bench: Bench) -> None:
    bench.host.identities["a"] = "1"
    for births, kept in (
        ([words("x")], [["x"]]),
        (None, [["x"]]),
        ([words("y")], [["y"]]),
        ([], []),
    ):
        want = Want(bench.host.thing("a"), "one", words("x"), births=births)
        record = bench.file.load()
        steps = plan_steps([want], {"one"}, record, bench.host.thing, KINDS)
        apply_steps(steps, record, bench.file)
        assert bench.file.load().entries["a"].births == kept


def test_all_that_cannot_be_is_refused_at_once(bench: Bench) -> None:
    bench.host.impossible = {"a", "c"}
    with pytest.raises(Refusals) as caught:
        bench.run(A, B, C)
    assert caught.value.messages == ("a cannot be so.", "c cannot be so.")
    assert bench.host.things == BORN
    assert bench.host.log == []


def test_what_cannot_be_found_any_more_is_refused(bench: Bench) -> None:
    bench.run(A)

    def lost(key: str) -> Thing:
        raise AccessError(f"{key} cannot be looked at.")

    with pytest.raises(Refusals, match="a cannot be looked at"):
        plan_steps([], {"one"}, bench.file.load(), lost, KINDS)


def test_what_is_as_it_shall_be_takes_nothing_from_anybody(bench: Bench) -> None:
    """Only a change is asked whether it does."""
    bench.run(A)
    record = bench.file.load()
    for said, narrows in (("x", False), ("y", True)):
        want = Want(bench.host.thing("a"), "one", words(said))
        (step,) = plan_steps([want], {"one"}, record, bench.host.thing, KINDS)
        assert step.narrows is narrows


@pytest.mark.parametrize(
    ("place", "makes"), [(FILES_COME, True), (UNITS_START, True), (UNITS_STOP, False)]
)
def test_only_what_comes_makes_sockets(bench: Bench, place: int, makes: bool) -> None:
    thing = bench.host.thing("a")
    bench.host.places["a"] = place
    for makes_any in (True, False):
        thing.makes_sockets = makes_any
        (step,) = plan_steps(
            [Want(thing, "one", words("x"))], {"one"}, Record(), thing.host.thing, KINDS
        )
        assert step.makes_sockets is (makes and makes_any)


def test_what_a_key_is_called() -> None:
    assert called("file:/etc/a:b") == "The file /etc/a:b"
    assert called("file@bob:/home/bob/a") == "The file /home/bob/a"
    assert called("strange") == "strange"


KEPT = "b is kept from us."


def test_what_a_user_keeps_from_being_read_is_left_as_it_is(bench: Bench) -> None:
    bench.run(A, B)
    bench.host.withheld.add("b")
    bench.host.things["a"] = words("old")
    changed = bench.run(A, B)
    assert changed.changes == ["a changes from ['old'] to ['old', 'x']."]
    assert not bench.run(A, B).changed
    assert changed.notes == [KEPT]
    # What could not be taken away is remembered until it can be.
    bench.host.withheld.clear()
    bench.run(also=["one"])
    assert bench.host.things == BORN
    assert bench.file.load() == Record()


@pytest.mark.parametrize("known", [True, False])
def test_what_a_user_keeps_from_being_written_takes_nothing_back(bench: Bench, known: bool) -> None:
    if known:
        bench.run(B)
        bench.host.things["b"] = words()
    before = bench.file.load().entries.get("b")
    bench.host.fails["b"] = Withheld(KEPT)
    for anew in (True, False):
        outcome = bench.run(A, B)
        assert outcome.changed is anew
        assert (outcome.changes != []) is anew
        assert outcome.notes == [KEPT]
        assert bench.host.things["a"] == words("old", "x")
        assert bench.file.load().entries.get("b") == before
    # Nor does it keep the rest from being given back.
    bench.run(also=["one"])
    assert bench.host.things["a"] == words("old")


def test_what_a_user_will_keep_from_being_written_is_foreseen(bench: Bench) -> None:
    bench.run(B)
    before = bench.file.load()
    bench.host.things["b"] = words()
    bench.host.closed.add("b")
    bench.host.log.clear()
    outcome = bench.run(B)
    assert not outcome.changed
    assert (outcome.changes, outcome.notes, bench.host.log) == ([], [KEPT], [])
    assert bench.file.load() == before
    # What is as it shall be needs no writing.
    bench.host.things["b"] = words("y")
    assert bench.run(B).notes == []


def test_what_a_user_keeps_from_being_taken_away_is_remembered(bench: Bench) -> None:
    bench.run(A, B)
    bench.host.fails["b"] = Withheld(KEPT)
    undone = bench.run(also=["one"])
    assert bench.host.things == {**BORN, "b": words("y")}
    assert undone.notes == [KEPT]
    assert list(bench.file.load().entries) == ["b"]
    bench.host.fails.clear()
    bench.run(also=["one"])
    assert bench.host.things == BORN
    assert bench.file.load() == Record()


def test_a_later_failure_takes_back_all_but_what_a_user_kept(bench: Bench) -> None:
    bench.host.places = {"a": 0, "b": 1, "c": 2}
    bench.host.fails = _FailsOnce(b=Withheld(KEPT), c=OSError(5, "Input/output error"))
    with pytest.raises(AccessError, match="Everything this run had changed was put back"):
        bench.run(A, B, C)
    assert bench.host.things == BORN
    assert bench.file.load() == Record()


# --- two rounds -------------------------------------------------------------------------------


def _two_rounds(bench: Bench) -> Outcome:
    """Change a in a first round, and b and c in a second."""
    first = bench.run(A)
    bench.host.log.clear()
    return first.then(bench.run(A, B, C))


def test_two_rounds_are_one_outcome(bench: Bench) -> None:
    both = _two_rounds(bench)
    assert both.changed
    assert [sentence.split()[0] for sentence in both.changes] == ["a", "b", "c"]
    assert both.diff["before"].count("\n") == 3
    nothing = bench.run(A, B, C)
    assert not nothing.then(bench.run(A, B, C)).changed
    assert nothing.then(both).changed
    assert both.then(nothing).changed


def test_the_later_round_is_put_back_first(bench: Bench) -> None:
    both = _two_rounds(bench)
    bench.host.log.clear()
    error = both.rollback("The proof failed.")
    assert bench.host.things == BORN
    assert [key for key in bench.host.log if key != "record"] == ["c", "b", "a"]
    assert bench.file.load() == Record()
    assert str(error) == "The proof failed. Everything this run had changed was put back."


def test_a_later_round_that_did_nothing(bench: Bench) -> None:
    both = bench.run(A).then(bench.run(A))
    error = both.rollback("The proof failed.")
    assert bench.host.things == BORN
    assert str(error) == "The proof failed. Everything this run had changed was put back."


def test_a_second_round_that_fails_and_cannot_put_itself_back(bench: Bench) -> None:
    """The first one is put back by whoever runs both; what the second left is remembered."""
    first = bench.run(A)
    bench.host.fails = {"c": AccessError("c is broken.")}
    with pytest.raises(AccessError) as caught:
        bench.run(A, B, C)
    bench.host.fails = {}
    error = first.rollback(str(caught.value))
    assert bench.host.things == BORN
    assert "c could not be put back: c is broken" in str(error)
    assert "Everything this run had changed was put back." not in str(error)
    assert "c" in bench.file.load().entries
    bench.run(also=["one"])
    assert bench.host.things == BORN
    assert bench.file.load() == Record()


def test_what_a_later_round_could_not_put_back_is_told_and_remembered(bench: Bench) -> None:
    both = _two_rounds(bench)
    bench.host.fails = {"b": AccessError("b is broken.")}
    error = both.rollback("The proof failed.")
    bench.host.fails = {}
    assert bench.host.things == {**BORN, "b": words("y")}
    assert "b could not be put back: b is broken" in str(error)
    assert "Everything this run had changed was put back." not in str(error)
    # So the next run can heal it.
    assert "b" in bench.file.load().entries
    bench.run(also=["one"])
    assert bench.host.things == BORN
    assert bench.file.load() == Record()


def test_what_the_first_round_could_not_put_back_is_told(bench: Bench) -> None:
    both = _two_rounds(bench)
    bench.host.fails = {"a": AccessError("a is broken.")}
    error = both.rollback("The proof failed.")
    bench.host.fails = {}
    assert bench.host.things == {**BORN, "a": words("old", "x")}
    assert "a could not be put back: a is broken" in str(error)
    assert "Everything this run had changed was put back." not in str(error)
    bench.run(also=["one"])
    assert bench.host.things == BORN
