# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""What a run promises and what it did, in the form in which a door returns it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from .converge.loop import Outcome
from .endpoints import Parts, Place
from .host.accounts import Accounts
from .keep.parts import Creator
from .model.account import Credentials
from .model.plan import Choice, SocketPlan
from .policy.moments import written
from .policy.types import Grant, Principal
from .survey import Surveyed, credentials_of
from .task import Task

if TYPE_CHECKING:  # pragma: no cover
    # A hook promises nothing, and so loads nothing that proves.
    from .proofs import Expectation, Proof

_ANYBODY = "somebody who is not declared"
_NOTHING = SocketPlan((), None, (), {}, False)


class Result:
    """What a run did, in the form in which a door returns it.

    ``touched`` are the keys of the resources that were changed.  ``gone`` are those of the warnings that
    tell of what is declared and does not exist, ``overridden`` those of the sockets' notes that tell what
    takes a hook back.
    """

    def __init__(
        self,
        changed: bool,
        changes: list[str],
        diff: dict[str, str],
        sockets: dict[str, Any],
        warnings: Iterable[str] = (),
        touched: frozenset[str] = frozenset(),
        gone: Iterable[str] = (),
        overridden: Iterable[str] = (),
    ) -> None:
        self.changed = changed
        self.changes = changes
        self.diff = diff
        self.sockets = sockets
        self.warnings = list(warnings)
        self.touched = touched
        self.gone = list(gone)
        self.overridden = list(overridden)


class Seen:
    """One socket or endpoint of a run: what was declared, found and planned, and what keeps it."""

    def __init__(self, parts: Parts, place: Place | None, task: Task, one: Surveyed) -> None:
        """``place`` is None for the socket itself."""
        self.parts = parts
        self.place = place
        self.task = task
        self.one = one
        self.plan = _NOTHING
        self.creator: Creator | None = None
        self.kept: Sequence[str] = ()

    @property
    def untouched(self) -> bool:
        """Tell whether nothing is done at the socket itself, because it is given on elsewhere."""
        return self.place is None and self.parts.untouched

    def promises(self, accounts: Accounts, nobody: Credentials) -> Iterator[Expectation]:
        """Yield all that the plan promises, with identities as the host has them now."""
        if self.one.facts.chain.leaf is None:
            return
        path = self.task.declared.path
        refused = [(principal, path, False) for principal in self.one.declared.refuse]
        if self.place is not None:
            asked = [(principal, path, True) for principal in self.place.principals]
        else:
            asked = [
                (grant.principal, _path_of(grant, path), True) for grant in self.one.declared.allow
            ]
        for principal, at, connects in [*asked, *refused]:
            who = credentials_of(accounts, principal, nobody)
            if who is not None:
                yield self._expectation(at, str(principal), who, connects)
        if not self.untouched:
            yield self._expectation(path, _ANYBODY, nobody, self.plan.open_to_all)
        # Where the inode stays as it is, the directory of the endpoint decides alone.
        for mount in () if self.place is not None or self.untouched else self.parts.mounts:
            yield self._expectation(mount.endpoint.at, _ANYBODY, nobody, self.plan.open_to_all)

    def _expectation(self, path: str, label: str, who: Credentials, connects: bool) -> Expectation:
        from .proofs import Expectation

        declared = self.task.declared
        return Expectation(declared.name, path, declared.type, label, who, connects)


def result_of(
    outcome: Outcome, seen: Sequence[Seen], proofs: Sequence[Proof], doubts: Sequence[str] = ()
) -> Result:
    """Return what was declared, decided, done and proven, and what is doubtful about it."""
    absentees = [sentence for one in seen for sentence in one.one.absentees]
    said = {(proof.expectation.path, proof.expectation.label): proof.as_dict() for proof in proofs}
    sockets = {
        one.task.declared.name: _socket(one, seen, said) for one in seen if one.place is None
    }
    turned = [sentence for one in seen if one.place is None for sentence in _turned(one)]
    return Result(
        outcome.changed or bool(absentees),
        outcome.changes,
        outcome.diff,
        sockets,
        [*absentees, *turned, *doubts, *outcome.notes],
        frozenset(step.resource.key for step in outcome.steps if step.changes),
        absentees,
        [sentence for one in seen for sentence in one.one.overridden],
    )


def _choices(here: Seen) -> Iterator[tuple[Grant, Choice, str]]:
    """Yield each grant of a declared socket with its choice, and where its principal connects."""
    declared = here.parts.task.declared
    planned = dict(zip(here.one.declared.allow, here.plan.choices))
    settled = dict(here.parts.task.settled)
    for grant in declared.allow:
        path = _path_of(grant, declared.path)
        known = settled.get(path) if grant.endpoint is not None else None
        known = known or planned.get(grant)
        if known is not None or grant.endpoint is not None:
            named = Choice(grant.method, "The declaration names this method.")
            yield grant, known or named, path


def _turned(here: Seen) -> Iterator[str]:
    """Yield a warning for each grant that goes another way now than an earlier run chose."""
    for grant, choice, path in _choices(here):
        if choice.changed:
            why = {one.method: one.reason for one in choice.rejected}.get(str(choice.before))
            yield (
                f"The grant of {grant.principal} for the socket {here.task.declared.path}, at "
                f"{path}, changed from {choice.before} to {choice.method}, because "
                f"{choice.before} is not what lets it in any more: {why or choice.reason}"
            )


_Said = dict[tuple[str, str], dict[str, object]]


def _socket(here: Seen, seen: Iterable[Seen], said: _Said) -> dict[str, Any]:
    """Return what there is to say of one declared socket and its endpoints."""
    path = here.one.declared.path
    served = [one for one in seen if one.place is not None and one.parts is here.parts]
    return {
        "path": path,
        "exists": here.one.facts.chain.leaf is not None,
        "grants": [_grant(grant, choice, at, said) for grant, choice, at in _choices(here)],
        "ended": [
            {
                "principal": str(grant.principal),
                "endpoint": _path_of(grant, path),
                "expires": written(grant.expires or 0),
            }
            for grant in here.parts.task.ended
        ],
        "refused": [
            {"principal": str(principal), "proof": _worst(principal, here, served, said)}
            for principal in here.one.declared.refuse
        ],
        "others": {"proof": said.get((path, _ANYBODY))},
        "endpoints": [
            {
                "path": mount.endpoint.at,
                "method": mount.method,
                "others": {"proof": said.get((mount.endpoint.at, _ANYBODY))},
                "kept_by": [],
                "notes": [],
            }
            for mount in here.parts.mounts
        ]
        + [
            {
                "path": one.task.declared.path,
                "method": one.place.method,
                "others": {"proof": said.get((one.task.declared.path, _ANYBODY))},
                "kept_by": list(one.kept),
                "notes": [*one.one.notes, *one.plan.notes],
            }
            for one in served
            if one.place is not None
        ],
        "kept_by": list(here.kept),
        "notes": [*here.one.notes, *here.plan.notes],
    }


def _grant(grant: Grant, choice: Choice, path: str, said: _Said) -> dict[str, Any]:
    return {
        "principal": str(grant.principal),
        "method": choice.method,
        "reason": choice.reason,
        "rejected": [rejected._asdict() for rejected in choice.rejected],
        "endpoint": path,
        "expires": None if grant.expires is None else written(grant.expires),
        "proof": said.get((path, str(grant.principal))),
    }


def _worst(
    principal: Principal, here: Seen, served: Sequence[Seen], said: _Said
) -> dict[str, object] | None:
    """Return the proof that somebody is refused, of all places the one that says least."""
    paths = [here.one.declared.path, *(one.task.declared.path for one in served)]
    found = [said[path, str(principal)] for path in paths if (path, str(principal)) in said]
    return min(found, key=lambda proof: proof["held"] is True, default=None)


def _path_of(grant: Grant, path: str) -> str:
    return path if grant.endpoint is None else grant.endpoint.at
