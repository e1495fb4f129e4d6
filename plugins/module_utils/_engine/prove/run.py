# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""The process that connects, and what it reports."""

from __future__ import annotations

import json
import os
import select
import signal
import time
from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import AccessError
from ..model.account import ROOT
from ..model.words import Names
from ..reach.names import NUMBERS, user_called
from . import child
from .types import DGRAM, LONGEST_PATH, TYPES, Attempt, Outcome
from .words import connected, failed, unanswered

# What the process may take beyond the time limit of an attempt before it counts as stuck.
_GRACE = 1.0


def prove(attempts: Sequence[Attempt], *, seconds: float, names: Names = NUMBERS) -> list[Outcome]:
    """Connect for real, each attempt with its own credentials; outcomes in the order of attempts.

    ``seconds`` bounds each attempt, its talk included; attempts that meet a full queue wait
    together.  One process is forked for all of them, and another one goes on where it got stuck or
    was ended by somebody.  Nothing is left behind: no process, descriptor or handler of a signal.
    Raises AccessError where the caller is not root, or for an attempt that makes no sense.
    """
    if seconds <= 0:
        raise ValueError("The time limit of a proof is a number of seconds above 0.")
    for attempt in attempts:
        _check(attempt)
    if attempts and os.geteuid() != ROOT:
        raise AccessError(
            "A proof connects as other users, which only root can do; run it as root "
            "(become: true)."
        )
    # Sorted, so that each identity is taken on once.
    rest = dict(sorted(enumerate(attempts), key=lambda item: _identity(item[1])))
    outcomes: dict[int, Outcome] = {}
    while rest:
        told = _made_by_one_process(rest, seconds, names)
        outcomes.update(told)
        for number in told:
            del rest[number]
    return [outcomes[number] for number in range(len(attempts))]


def _identity(attempt: Attempt) -> tuple[int, int, list[int]]:
    return attempt.who.uid, attempt.who.gid, sorted(attempt.who.groups)


def _check(attempt: Attempt) -> None:
    """Raise AccessError for what connect() cannot be asked at all."""
    path = attempt.path
    if not path.startswith("/") or "\0" in path:
        raise AccessError(f"{path!r} is not the absolute path of a socket; name one.")
    if len(os.fsencode(path)) > LONGEST_PATH:
        raise AccessError(
            f"{path} is longer than the {LONGEST_PATH} bytes that the address of a Unix socket "
            "can hold (unix(7)); name a shorter path."
        )
    if attempt.type is not None and attempt.type not in TYPES:
        raise AccessError(f"{path} cannot be of type {attempt.type}; use {', '.join(TYPES)}.")
    if attempt.type == DGRAM and (attempt.send is not None or attempt.expect is not None):
        raise AccessError(
            f"{path} is a datagram socket, which does not answer on the connection; leave out what "
            "to send and to expect."
        )


def _made_by_one_process(
    attempts: Mapping[int, Attempt], seconds: float, names: Names
) -> dict[int, Outcome]:
    """Return at least one outcome: what a process told until it was done, stuck or ended."""
    report = _Report(attempts, seconds)
    pid, reading = _fork(list(attempts.items()), seconds)
    closed = False
    try:
        poll = select.poll()
        poll.register(reading, select.POLLIN)
        while not closed and poll.poll((seconds + _GRACE) * 1000):
            piece = os.read(reading, 65536)
            closed = not piece
            report.add(piece)
    finally:
        os.close(reading)
        _end(pid, closed)
    why = (
        "the process that tried it ended before it could tell"
        if closed
        else f"there was no answer within {seconds:g} seconds"
    )
    return report.outcomes(names, why)


class _Report:
    """The lines that a process has told so far."""

    def __init__(self, attempts: Mapping[int, Attempt], seconds: float) -> None:
        self.attempts = attempts
        self.seconds = seconds
        self.trying = next(iter(attempts))
        self.told: dict[int, list[Any]] = {}
        self._rest = b""

    def add(self, piece: bytes) -> None:
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in lines:
            word, number, *values = json.loads(line)
            if word == child.TRYING:
                self.trying = number
            else:
                self.told[number] = [word, *values]

    def outcomes(self, names: Names, why: str) -> dict[int, Outcome]:
        """Return what was told; if that is not all, one attempt is the one that ``why`` is about.

        It is the one that was under way, or any if none was, so that every process makes progress.
        """
        untold = [number for number in self.attempts if number not in self.told]
        if untold:
            failed_at = untold[0] if self.trying in self.told else self.trying
            self.told[failed_at] = [child.UNANSWERED, why]
        return {
            number: _outcome(self.attempts[number], values, self.seconds, names)
            for number, values in self.told.items()
        }


def _outcome(attempt: Attempt, values: Sequence[Any], seconds: float, names: Names) -> Outcome:
    user = user_called(attempt.who.uid, names)
    word, *details = values
    if word == child.UNANSWERED:
        text = unanswered(user, attempt.path, str(details[0]))
        return Outcome(attempt, False, None, text, answered=False)
    error, found, reply, trouble, took = details
    answer = None if reply is None else reply.encode("latin-1")
    as_expected = None if attempt.expect is None else attempt.expect in (answer or b"")
    text = (
        connected(
            user, attempt.path, found, as_expected, trouble, answer or b"", attempt.expect or b""
        )
        if error is None
        else failed(user, attempt.path, error, attempt.type, seconds)
    )
    return Outcome(attempt, error is None, error, text, found, True, answer, as_expected, took)


def _fork(attempts: list[tuple[int, Attempt]], seconds: float) -> tuple[int, int]:
    """Return the id of a process that makes the attempts, and the descriptor of its report.

    It is born with all signals blocked, so that no handler of the caller's runs in it.
    """
    reading, writing = os.pipe()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        pid = os.fork()
        if pid == 0:
            child.run(attempts, writing, seconds)
    except OSError:
        os.close(reading)
        raise
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        os.close(writing)
    return pid, reading


def _end(pid: int, closed: bool) -> None:
    """End the process if it has not closed its report, and leave no zombie.

    A process with its report still open lives, and so its id cannot be anybody else's, even where
    SIGCHLD is ignored and the kernel itself reaps children (waitpid(2)).  The wait has an end, for
    a process may hang in the kernel past SIGKILL.
    """
    try:
        if not closed:
            os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + _GRACE
        while os.waitpid(pid, os.WNOHANG) == (0, 0) and time.monotonic() < deadline:
            time.sleep(0.0005)
    except (ProcessLookupError, ChildProcessError):
        # It was reaped already, by the kernel or by a handler of the caller's.
        pass
