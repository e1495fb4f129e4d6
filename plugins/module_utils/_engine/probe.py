# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Asking the kernel who can connect to one socket, and explaining what it answers."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, NamedTuple

from .diagnose import Explanation, changes_described, why
from .errors import AccessError
from .host.accounts import Accounts, HostNames
from .model.words import capital, one_line
from .policy.types import Principal
from .prove import Attempt, Outcome, prove
from .strangers import stranger_here
from .survey import credentials_of
from .why import explain

CONNECTS, REFUSED, EITHER = "connected", "refused", None


class Question(NamedTuple):
    """One principal, and what is expected: CONNECTS, REFUSED, or EITHER to only ask."""

    principal: Principal
    expected: str | None


class Answer(NamedTuple):
    """What the kernel said, whether that was expected, and why, in words and as values."""

    question: Question
    outcome: Outcome
    explanation: tuple[str, ...] = ()
    found: Explanation | None = None

    @property
    def held(self) -> bool:
        """Tell whether the answer is the expected one, the reply included."""
        outcome = self.outcome
        if self.question.expected == CONNECTS:
            return outcome.connected and outcome.as_expected is not False
        if self.question.expected == REFUSED:
            return outcome.refused
        return True

    def failure(self) -> str:
        """Return why the answer is not the expected one, as whole sentences."""
        outcome = self.outcome
        principal = capital(str(self.question.principal))
        if self.question.expected == REFUSED:
            start = f"{principal} must be refused at {outcome.attempt.path}, but:"
        else:
            start = f"{principal} must be able to connect to {outcome.attempt.path}, but:"
        # A link may lead to any name, and each line stands for itself.
        return "\n".join(map(one_line, (f"{start} {outcome.text}", *self.explanation)))

    def as_dict(self) -> dict[str, Any]:
        """Return the answer in the form in which the door returns it."""
        outcome = self.outcome
        reply = outcome.reply
        found = self.found
        decisive = None if found is None else found.decisive
        proposed = None if found is None else found.proposal
        return {
            "principal": str(self.question.principal),
            "expected": self.question.expected,
            "connected": outcome.connected,
            "refused": outcome.refused,
            "errno": outcome.errno,
            "held": self.held,
            "message": outcome.text,
            "explanation": list(self.explanation),
            "cause": None if decisive is None else decisive.code,
            "changes": [] if found is None else changes_described(found.changes),
            "declaration": None if proposed is None else proposed.sockets,
            "type": outcome.type,
            "reply": None if reply is None else reply.decode("utf-8", "replace"),
            "seconds": round(outcome.seconds, 6),
        }


def ask(
    path: str,
    questions: Sequence[Question],
    *,
    kind: str | None,
    send: bytes | None,
    expect: bytes | None,
    finish: bool = False,
    seconds: float,
) -> list[Answer]:
    """Connect as every principal and return the answers in the same order.

    ``kind`` is the type of the socket, None to find it out.  Only who is expected to connect sends
    something, and with ``finish`` says that this was all.  Raises AccessError for principals that
    do not exist, all of them at once.
    """
    if os.geteuid() != 0:
        raise AccessError(
            "Only root can connect as another user to prove who is let in; run this as root "
            "(become: true)."
        )
    accounts, names = Accounts(), HostNames()
    nobody = stranger_here()
    found = [credentials_of(accounts, one.principal, nobody) for one in questions]
    missing = [str(one.principal) for one, who in zip(questions, found) if who is None]
    if missing:
        raise AccessError(
            "\n".join(
                f"{capital(label)} does not exist on this host, so nothing can be said about "
                f"{path}; correct the name, or give a numeric id."
                for label in missing
            )
        )
    attempts = [
        Attempt(path, who, kind, send, expect, finish)
        if one.expected == CONNECTS
        else Attempt(path, who, kind)
        for one, who in zip(questions, found)
        if who is not None
    ]
    outcomes = prove(attempts, seconds=seconds, names=names)
    return [_answer(one, outcome, names) for one, outcome in zip(questions, outcomes)]


def _answer(question: Question, outcome: Outcome, names: HostNames) -> Answer:
    """Return an answer, explained where somebody was refused or should have been."""
    keep_out = outcome.connected and question.expected == REFUSED
    if outcome.connected and not keep_out:
        return Answer(question, outcome)
    attempt = outcome.attempt
    try:
        found = explain(
            attempt.path,
            question.principal,
            kind=attempt.type,
            outcome=outcome,
            keep_out=keep_out,
        )
    except (AccessError, OSError):
        # It was replaced meanwhile; what the kernel said is all there is to say.
        return Answer(question, outcome)
    return Answer(question, outcome, tuple(why(found, names)), found)
