# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""What a run is going to do: every resource compared, with all requests that stand.

A run replaces what its holders asked for earlier.  What a resource shall be follows from what it
would be without anyone's request, and from all requests that then stand.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Callable, NamedTuple

from ..errors import AccessError, Refusals, Withheld
from ..faults import looking_at
from ..resources.base import FILES_COME, UNITS_START, Resource
from .record import Entry, Record

AnyResource = Resource[Any, Any]

_CALLED = {
    "socket": "The socket {}",
    "directory": "The directory {}",
    "endpoint": "The directory {} of an endpoint",
    "target": "The file {} for a socket to be mounted on",
    "mount": "What is mounted on {}",
    "fstab": "The line of fstab for {}",
    "file": "The file {}",
    "unit": "The unit {}",
    "engine": "The engine in {}",
    "member": "The membership {} (user and group)",
}


class Want(NamedTuple):
    """What one holder asks of one resource; ``adds`` keeps what it asked for earlier as well.

    ``births`` are the states in which hooks of ours let the thing be born, None where that is not
    decided by this run.
    """

    resource: AnyResource
    holder: str
    request: Any
    adds: bool = False
    births: Sequence[Any] | None = ()


class Step(NamedTuple):
    """One resource with the state it is in, the one it shall be in, and its next record entry."""

    resource: AnyResource
    current: Any
    target: Any
    entry: Entry | None
    note: str | None = None

    @property
    def changes(self) -> bool:
        return bool(self.current != self.target)

    @property
    def narrows(self) -> bool:
        """Tell whether somebody may not get in any more after it who does before."""
        return self.changes and self.resource.narrows(self.current, self.target)

    @property
    def makes_sockets(self) -> bool:
        """Tell whether there are sockets after it that were not there before."""
        resource = self.resource
        if not (self.changes and resource.makes_sockets):
            return False
        return resource.place(self.current, self.target) in (FILES_COME, UNITS_START)


def plan_steps(
    wants: Sequence[Want],
    holders: Collection[str],
    record: Record,
    resource_of: Callable[[str], AnyResource],
    kinds: Collection[str],
) -> list[Step]:
    """Compare every resource that is wanted, or that one of the holders wanted earlier.

    ``resource_of`` makes the resource of a recorded key; what is recorded of other ``kinds`` (the
    part of a key before the colon) stays as it is.  Raises Refusals with every problem, such as
    that two holders want what cannot both be.
    """
    problems = []
    replaced = set(holders) - {want.holder for want in wants if want.adds}
    resources: dict[str, AnyResource] = {}
    asked: dict[str, dict[str, Want]] = {}
    for want in wants:
        resources.setdefault(want.resource.key, want.resource)
        asked.setdefault(want.resource.key, {})[want.holder] = want
    for key, entry in record.entries.items():
        concerned = key.partition(":")[0].partition("@")[0] in kinds
        if concerned and key not in resources and not replaced.isdisjoint(entry.requests):
            try:
                with looking_at(called(key)):
                    resources[key] = resource_of(key)
            except AccessError as error:
                problems.append(str(error))
    steps = []
    for key, resource in resources.items():
        try:
            with looking_at(called(key)):
                step = _step(resource, asked.get(key, {}), replaced, record.entries.get(key))
                if step is not None and step.changes:
                    resource.foresee()
        except Withheld as error:
            step = left_to_its_user(resource, record.entries.get(key), error)
        except AccessError as error:
            problems.append(str(error))
            continue
        if step is not None:
            steps.append(step)
    if problems:
        raise Refusals(tuple(problems))
    return sorted(steps, key=order)


def left_to_its_user(resource: AnyResource, old: Entry | None, error: Withheld) -> Step:
    """Return the step that leaves alone what a user keeps from being read or written."""
    return Step(resource, None, None, old, str(error))


def without_holders(resource: AnyResource, record: Record, holders: Collection[str]) -> Any | None:
    """Return what would be there if these holders had asked for nothing; None if nothing is."""
    current, old = resource.read(), record.entries.get(resource.key)
    if current is None or old is None:
        return current
    births = [resource.state_from_json(data) for data in old.births]
    dummy, base = _origin(resource, current, old, births)
    requests = _standing(resource, {}, holders, old)
    return resource.wanted(base, requests) if requests else base


def called(key: str) -> str:
    """Return what a resource is called in a sentence, from its key in the record."""
    kind, dummy, name = key.partition(":")
    kind = kind.partition("@")[0]
    return _CALLED[kind].format(name) if kind in _CALLED else key


def order(step: Step) -> tuple[int, str]:
    """Return where a step stands among those of a run."""
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
        return before, resource.healed(current, before, applied)
    return before, resource.without_us(current, before, applied)


def _left_alone(resource: AnyResource, base: Any, before: Any) -> str | None:
    if base == before:
        return None
    shown = " ".join(resource.in_words(base).split())
    return f"Somebody else changed this since, so that part was left as it is: {shown}."
