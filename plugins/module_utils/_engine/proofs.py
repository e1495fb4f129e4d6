# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""What a plan promises about connect(), and whether the kernel keeps the promise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .errors import AccessError
from .host.pinned import walked
from .model.account import Credentials
from .model.words import Names
from .prove import Attempt, Outcome, prove
from .reach import judge

_MOST_FAILURES = 10


class Expectation(NamedTuple):
    """That one identity can connect to a socket, or that it cannot."""

    socket: str
    path: str
    type: str | None
    label: str
    who: Credentials
    connects: bool


class Proof(NamedTuple):
    """The outcome beside the expectation.  ``held`` is None where nothing could be proven."""

    expectation: Expectation
    outcome: Outcome
    held: bool | None

    def as_dict(self) -> dict[str, object]:
        """Return the proof in the form in which results carry it."""
        return {
            "expected": "connected" if self.expectation.connects else "refused",
            "result": "connected" if self.outcome.connected else self.outcome.errno,
            "held": self.held,
            "message": self.outcome.text,
        }


def prove_all(expectations: Sequence[Expectation], *, seconds: float, names: Names) -> list[Proof]:
    """Make every connect() and return the proofs in the same order."""
    outcomes = prove(
        [Attempt(path=one.path, type=one.type, who=one.who) for one in expectations],
        seconds=seconds,
        names=names,
    )
    return [
        Proof(expectation, outcome, is_held(expectation.connects, outcome))
        for expectation, outcome in zip(expectations, outcomes)
    ]


def is_held(connects: bool, outcome: Outcome) -> bool | None:
    """Tell whether an outcome is what was expected; None where there is no socket to ask.

    A socket on which nobody listens can prove a refusal, but not a grant.
    """
    if outcome.connected:
        return connects
    if outcome.errno == "ENOENT":
        return None
    if outcome.refused:
        return not connects
    if outcome.errno == "EPROTOTYPE":
        # The declared type is wrong, or permissions let somebody pass who is to be refused.
        return False
    if outcome.permitted:
        return None if connects else False
    return False


def failures(proofs: Sequence[Proof], names: Names) -> list[str]:
    """Return why promises are not kept, a sentence for each of the first ten."""
    failed = [proof for proof in proofs if proof.held is False]
    said = [failure(proof, names) for proof in failed[:_MOST_FAILURES]]
    more = len(failed) - len(said)
    return [*said, f"{more} more proofs failed."] if more else said


def failure(proof: Proof, names: Names) -> str:
    """Return why a promise is not kept, and what would help somebody who is not let in."""
    wanted = proof.expectation
    verb = "connect to" if wanted.connects else "be refused at"
    said = f"The proof failed: {wanted.label} must {verb} {wanted.path}, but: {proof.outcome.text}"
    if not wanted.connects:
        return said
    try:
        chain = walked(wanted.path)
    except (AccessError, OSError):
        # It was replaced meanwhile; what the kernel said is all there is to say.
        return said
    verdict = judge(chain, wanted.who, names)
    if verdict.allowed:
        return f"{said} Nothing on the way refuses."
    helps = [one.text for one in verdict.remedies]
    if len(helps) > 1:
        helps = [f"{number}. {text}" for number, text in enumerate(helps, 1)]
        said += " All of it together would help:"
    elif helps:
        said += " What would help:"
    return " ".join([said, *helps])
