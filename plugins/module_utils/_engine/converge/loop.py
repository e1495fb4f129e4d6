# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""The one loop: apply, and put back when anything goes wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Callable, NamedTuple

from ..errors import AccessError, Overtaken, Withheld
from ..faults import in_words
from .record import Entry, Record, RecordFile
from .steps import Step, called, left_to_its_user, order

_PUT_BACK = "Everything this run had changed was put back."


class Outcome(NamedTuple):
    """What a run did, or in check mode would do.

    ``rollback`` puts everything back and returns the error that tells the reason and this.
    """

    steps: Sequence[Step]
    changed: bool
    rollback: Callable[[str], AccessError] = AccessError

    def then(self, later: Outcome) -> Outcome:
        """Return this and what a later round did as one; both are put back, the later one first."""

        def rollback(reason: str) -> AccessError:
            said = str(later.rollback(reason))
            return self.rollback(said[: -len(_PUT_BACK) - 1] if said.endswith(_PUT_BACK) else said)

        return Outcome([*self.steps, *later.steps], self.changed or later.changed, rollback)

    @property
    def changes(self) -> list[str]:
        """Every change as a whole sentence, in the order in which they are made."""
        return [
            sentence
            for step in self.steps
            if step.changes
            for sentence in step.resource.changes(step.current, step.target)
        ]

    @property
    def notes(self) -> list[str]:
        """What was left as it is: somebody else changed it since, or keeps it from being written."""
        return [step.note for step in self.steps if step.note is not None]

    @property
    def diff(self) -> dict[str, str]:
        """The changed resources before and after, in the form of Ansible's diff."""
        changed = sorted((step for step in self.steps if step.changes), key=_by_key)
        return {
            "before": "".join(step.resource.in_words(step.current) for step in changed),
            "after": "".join(step.resource.in_words(step.target) for step in changed),
        }


def _by_key(step: Step) -> str:
    return step.resource.key


def apply_steps(
    steps: Sequence[Step],
    record: Record,
    file: RecordFile,
    going_back: Callable[[], None] = lambda: None,
    ended: Mapping[str, str] | None = None,
) -> Outcome:
    """Put all steps into effect, or none: a step that fails takes the whole run back.

    What a user keeps from being written is left as it is, and is among the notes of the outcome.
    ``going_back`` is called before anything is put back.  ``ended`` is what the record shall say of
    grants that ended, None for what it says.  Raises AccessError that says what failed
    and that everything was put back.
    """
    after = _next_record(steps, record, record.ended if ended is None else ended)
    changing = [step for step in steps if step.changes]
    # What is as it shall be may have been written by a run that was killed before systemd read it.
    unsettled = [step for step in steps if not step.changes and _is_pending(step, record)]
    if after == record and not changing:
        return Outcome(steps, changed=False)
    done: list[Step] = []
    refused: dict[str, Step] = {}

    def rollback(reason: str) -> AccessError:
        going_back()
        left: dict[str, Entry] = {}
        try:
            known = file.load()
            if done and known == after:
                # After a proof that failed the record tells of a run that went well.
                file.save(_pending(changing, record, after))
            elif known != record:
                left = _left_by_others(known, changing)
        except (OSError, AccessError) as error:
            reason = f"{reason} The record {file.path} could not be written: {in_words(error)}"
        problems = _put_back(done)
        if problems:
            # The record goes on telling how these things were before, for the next run to heal.
            return AccessError(" ".join([reason, *problems]))
        try:
            if file.load() != record:
                file.save(record._replace(entries={**record.entries, **left}))
        except (OSError, AccessError) as error:
            return AccessError(
                f"{reason} The record {file.path} could not be put back: {in_words(error)}"
            )
        return AccessError(reason if left else f"{reason} {_PUT_BACK}")

    try:
        begun = [*changing, *unsettled]
        _save(file, _pending(begun, record, after) if begun else after)
        for step in unsettled:
            step.resource.interrupted()
        for group in _by_place(changing):
            for step in group:
                # Before the write, which may fail half way.
                done.append(step)
                try:
                    _write(step)
                except Withheld as error:
                    key = done.pop().resource.key
                    refused[key] = left_to_its_user(step.resource, record.entries.get(key), error)
            _settle(group)
        _settle(unsettled)
        if refused:
            steps = [refused.get(step.resource.key, step) for step in steps]
            changing = [step for step in steps if step.changes]
            after = _next_record(steps, record, record.ended if ended is None else ended)
        if begun:
            _save(file, after)
    except Overtaken as error:
        # It was refused before anything of it was written.
        done.pop()
        raise Overtaken(str(rollback(str(error)))) from error
    except (AccessError, OSError) as error:
        raise rollback(in_words(error)) from error
    except BaseException as error:
        rollback(repr(error))
        raise
    return Outcome(steps, changed=bool(changing), rollback=rollback)


def _left_by_others(known: Record, changing: Sequence[Step]) -> dict[str, Entry]:
    """Return what a later round could not put back, for this one to leave in the record."""
    own = {step.resource.key for step in changing}
    return {key: entry for key, entry in known.entries.items() if entry.pending and key not in own}


def _save(file: RecordFile, record: Record) -> None:
    try:
        file.save(record)
    except OSError as error:
        raise AccessError(f"The record {file.path} cannot be written: {in_words(error)}") from error


def _write(step: Step) -> None:
    try:
        step.resource.write(step.target)
    except OSError as error:
        raise AccessError(
            f"{called(step.resource.key)} could not be changed: {in_words(error)}"
        ) from error


def _next_record(steps: Sequence[Step], record: Record, ended: Mapping[str, str]) -> Record:
    entries = dict(record.entries)
    for step in steps:
        entries.pop(step.resource.key, None)
        if step.entry is not None:
            entries[step.resource.key] = step.entry
    return Record(entries, ended)


def _pending(changing: Sequence[Step], record: Record, after: Record) -> Record:
    """Return the record that tells, after a kill, what was being changed and how it was before."""
    entries = dict(after.entries)
    for step in changing:
        key = step.resource.key
        entry = step.entry or record.entries[key]
        entries[key] = entry._replace(pending=True)
    return after._replace(entries=entries)


def _is_pending(step: Step, record: Record) -> bool:
    entry = record.entries.get(step.resource.key)
    return entry is not None and entry.pending


def _by_place(steps: Sequence[Step]) -> list[list[Step]]:
    """Return the steps in groups of one place each, for what is cheaper done together."""
    groups: dict[int, list[Step]] = {}
    for step in steps:
        groups.setdefault(order(step)[0], []).append(step)
    return list(groups.values())


def _settle(steps: Sequence[Step]) -> None:
    for step in steps:
        step.resource.settle()


def _put_back(done: Sequence[Step]) -> list[str]:
    """Undo in reverse, and return what could not be undone, which keeps no other from it."""
    failed = []
    for group in reversed(_by_place(done)):
        for step in reversed(group):
            try:
                step.resource.write(step.current)
            except (OSError, AccessError) as error:
                failed.append(
                    f"{called(step.resource.key)} could not be put back: {in_words(error)}"
                )
        try:
            _settle(group)
        except (OSError, AccessError) as error:
            failed.append(in_words(error))
    return failed
