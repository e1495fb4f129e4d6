# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""The one loop: read, compare, apply, and put back when anything goes wrong.

A run replaces what its holders asked for earlier.  What a resource shall be follows from what it
would be without anyone's request, and from all requests that then stand.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, Callable

from ..errors import AccessError
from ..resources.base import Resource
from .record import Entry, Record, RecordFile

AnyResource = Resource[Any, Any]

_PUT_BACK = "Everything this run had changed was put back."


@dataclass(frozen=True)
class Want:
    """What one holder asks of one resource; ``adds`` keeps what it asked for earlier as well.

    ``births`` are the states in which hooks of ours let the thing be born, None where that is not
    decided by this run.
    """

    resource: AnyResource
    holder: str
    request: Any
    adds: bool = False
    births: Sequence[Any] | None = ()


@dataclass(frozen=True)
class Step:
    """One resource with the state it is in, the one it shall be in, and its next record entry."""

    resource: AnyResource
    current: Any
    target: Any
    entry: Entry | None
    note: str | None = None

    @property
    def changes(self) -> bool:
        return bool(self.current != self.target)


@dataclass
class Outcome:
    """What a run did, or in check mode would do.

    ``rollback`` puts everything back and returns the error that tells the reason and this.
    """

    steps: Sequence[Step]
    changed: bool
    rollback: Callable[[str], AccessError] = AccessError

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
        """What was left as it is because somebody else changed it since."""
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


def plan_steps(
    wants: Sequence[Want],
    holders: Collection[str],
    record: Record,
    resource_of: Callable[[str], AnyResource],
    kinds: Collection[str],
) -> list[Step]:
    """Compare every resource that is wanted, or that one of the holders wanted earlier.

    ``resource_of`` makes the resource of a recorded key; what is recorded of other ``kinds`` (the
    part of a key before the colon) stays as it is.  Raises AccessError when two holders want
    what cannot both be.
    """
    replaced = set(holders) - {want.holder for want in wants if want.adds}
    resources: dict[str, AnyResource] = {}
    asked: dict[str, dict[str, Want]] = {}
    for want in wants:
        resources.setdefault(want.resource.key, want.resource)
        asked.setdefault(want.resource.key, {})[want.holder] = want
    for key, entry in record.entries.items():
        concerned = key.partition(":")[0].partition("@")[0] in kinds
        if concerned and key not in resources and not replaced.isdisjoint(entry.requests):
            resources[key] = resource_of(key)
    steps = []
    for key, resource in resources.items():
        step = _step(resource, asked.get(key, {}), replaced, record.entries.get(key))
        if step is not None:
            steps.append(step)
    return sorted(steps, key=_order)


def without_holders(resource: AnyResource, record: Record, holders: Collection[str]) -> Any | None:
    """Return what would be there if these holders had asked for nothing; None if nothing is."""
    current, old = resource.read(), record.entries.get(resource.key)
    if current is None or old is None:
        return current
    births = [resource.state_from_json(data) for data in old.births]
    _, base = _origin(resource, current, old, births)
    requests = _standing(resource, {}, holders, old)
    return resource.wanted(base, requests) if requests else base


def _order(step: Step) -> tuple[int, str]:
    place = step.resource.place(step.current, step.target) if step.changes else 0
    return place, step.resource.key


def _step(
    resource: AnyResource, asked: dict[str, Want], replaced: Collection[str], old: Entry | None
) -> Step | None:
    requests = _standing(resource, asked, replaced, old)
    current = resource.read()
    if current is None:
        # It is not there now; whoever goes on asking for it keeps what is remembered of it.
        forgotten = old is not None and not requests
        return Step(resource, None, None, None) if forgotten else None
    births = _births(resource, asked, old)
    before, base = _origin(resource, current, old, births)
    if not requests:
        return Step(resource, current, base, None, _left_alone(resource, base, before))
    target = resource.wanted(base, requests)
    entry = Entry(
        resource.state_to_json(resource.remembered(before, base)),
        resource.state_to_json(target),
        {holder: resource.request_to_json(request) for holder, request in sorted(requests.items())},
        resource.identity(),
        births=[resource.state_to_json(state) for state in births],
    )
    return Step(resource, current, target, entry)


def _births(resource: AnyResource, asked: dict[str, Want], old: Entry | None) -> list[Any]:
    """Return the states in which the thing is born because of us."""
    births = [state for want in asked.values() for state in want.births or ()]
    decided = any(want.births is not None for want in asked.values())
    if old is not None and not decided:
        births += [resource.state_from_json(data) for data in old.births]
    return births


def _standing(
    resource: AnyResource, asked: dict[str, Want], replaced: Collection[str], old: Entry | None
) -> dict[str, Any]:
    """Return the requests that stand: those of this run, and those of holders not replaced."""
    standing = {}
    for holder, data in old.requests.items() if old else ():
        request = resource.request_from_json(data)
        if holder in asked:
            want = asked[holder]
            standing[holder] = resource.merge(request, want.request, adds=want.adds)
        elif holder not in replaced:
            standing[holder] = request
    for holder, want in asked.items():
        standing.setdefault(holder, want.request)
    return standing


def _origin(
    resource: AnyResource, current: Any, old: Entry | None, births: Sequence[Any] = ()
) -> tuple[Any, Any]:
    """Return what was there before us, and what would be there now without us.

    ``births`` are states in which a thing that was made anew is born because of us.
    """
    if old is None:
        return current, current
    before, applied = resource.state_from_json(old.before), resource.state_from_json(old.applied)
    renewed = old.identity != resource.identity()
    if renewed:
        # What a daemon made anew is not what we touched: all that it is born with was there before
        # us, unless it is born so because of us.
        return (before, before) if current in births else (current, current)
    if old.pending:
        return before, before
    return before, resource.without_us(current, before, applied)


def _left_alone(resource: AnyResource, base: Any, before: Any) -> str | None:
    if base == before:
        return None
    shown = " ".join(resource.in_words(base).split())
    return f"Somebody else changed this since, so that part was left as it is: {shown}."


def apply_steps(steps: Sequence[Step], record: Record, file: RecordFile) -> Outcome:
    """Put all steps into effect, or none: a step that fails takes the whole run back.

    Raises AccessError that says what failed and that everything was put back.
    """
    after = _next_record(steps, record)
    changing = [step for step in steps if step.changes]
    if after == record and not changing:
        return Outcome(steps, changed=False)
    done: list[Step] = []

    def rollback(reason: str) -> AccessError:
        problems = _put_back(done)
        if problems:
            # The record goes on telling how these things were before, for the next run to heal.
            return AccessError(" ".join([reason, *problems]))
        try:
            if file.load() != record:
                file.save(record)
        except (OSError, AccessError) as error:
            return AccessError(f"{reason} The record {file.path} could not be put back: {error}.")
        return AccessError(f"{reason} {_PUT_BACK}")

    try:
        _save(file, _pending(changing, record, after) if changing else after)
        for group in _by_place(changing):
            for step in group:
                done.append(step)
                _write(step)
            _settle(group)
        if changing:
            _save(file, after)
    except AccessError as error:
        raise rollback(str(error)) from error
    except BaseException as error:
        rollback(repr(error))
        raise
    return Outcome(steps, changed=bool(changing), rollback=rollback)


def _save(file: RecordFile, record: Record) -> None:
    try:
        file.save(record)
    except OSError as error:
        raise AccessError(f"The record {file.path} cannot be written: {error.strerror}.") from error


def _write(step: Step) -> None:
    try:
        step.resource.write(step.target)
    except OSError as error:
        raise AccessError(f"{step.resource.key} could not be changed: {error.strerror}.") from error


def _next_record(steps: Sequence[Step], record: Record) -> Record:
    entries = dict(record.entries)
    for step in steps:
        entries.pop(step.resource.key, None)
        if step.entry is not None:
            entries[step.resource.key] = step.entry
    return Record(entries)


def _pending(changing: Sequence[Step], record: Record, after: Record) -> Record:
    """Return the record that tells, after a kill, what was being changed and how it was before."""
    entries = dict(after.entries)
    for step in changing:
        key = step.resource.key
        entry = step.entry or record.entries[key]
        entries[key] = replace(entry, pending=True)
    return Record(entries)


def _by_place(steps: Sequence[Step]) -> list[list[Step]]:
    """Return the steps in groups of one place each, for what is cheaper done together."""
    groups: dict[int, list[Step]] = {}
    for step in steps:
        groups.setdefault(_order(step)[0], []).append(step)
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
                failed.append(f"{step.resource.key} could not be put back: {error}.")
        try:
            _settle(group)
        except AccessError as error:
            failed.append(str(error))
    return failed
