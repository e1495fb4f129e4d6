# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""What the forked process does: take identities on, connect, tell.

It never returns, and never runs what the process that forked it has registered for its own end.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple, NoReturn

from ..errors import AccessError
from ..model.account import Credentials
from .identity import become
from .types import DGRAM, LONGEST_REPLY, TYPES, Attempt

# The first word of a line of the report, before the number of the attempt.
TRYING, DONE, UNANSWERED = "trying", "done", "unanswered"

_KINDS = {
    "stream": socket.SOCK_STREAM,
    "seqpacket": socket.SOCK_SEQPACKET,
    "dgram": socket.SOCK_DGRAM,
}
# After how many seconds a full queue is tried again: at first, and at most.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.005, 0.1


def run(attempts: Sequence[tuple[int, Attempt]], report: int, seconds: float) -> NoReturn:
    """Make the attempts and write one line of JSON before, and one after each.

    ``report`` is the writing end of a pipe.  Attempts of one identity should be neighbours.
    """
    try:
        _Child(report, seconds).make(attempts)
    finally:
        os._exit(0)


class _Waiting(NamedTuple):
    """An attempt that met a full queue, and until when it is made again."""

    number: int
    attempt: Attempt
    started: float


class _Child:
    def __init__(self, report: int, seconds: float) -> None:
        self.report = report
        self.seconds = seconds
        self.who: tuple[Credentials, bool] | None = None
        self.lines = b""
        _let_go_of_all_but(report)
        os.chdir("/")
        # Should it hang in the kernel with nobody left to end it, the alarm does.
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGALRM})

    def make(self, attempts: Sequence[tuple[int, Attempt]]) -> None:
        """Make all attempts; those that meet a full queue are made again until time is up.

        So they wait together, and one daemon that hangs costs its time only once.
        """
        pause = _FIRST_PAUSE
        waiting = [_Waiting(number, attempt, 0.0) for number, attempt in attempts]
        while waiting:
            waiting = [one for one in map(self._make, waiting) if one is not None]
            self._flush()
            if waiting:
                time.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)

    def _make(self, one: _Waiting) -> _Waiting | None:
        """Make one attempt; return it if it has to be made again."""
        number, attempt = one.number, one.attempt
        now = time.monotonic()
        started = one.started or now
        self._tell(TRYING, number)
        signal.setitimer(signal.ITIMER_REAL, 2 * self.seconds + 5)
        try:
            if (attempt.who, attempt.talks) != self.who:
                self.who = None
                become(attempt.who, really=attempt.talks)
                self.who = (attempt.who, attempt.talks)
        except AccessError as why:
            self._tell(UNANSWERED, number, str(why))
            return None
        connection, error, found = _connect(attempt.path, attempt.type)
        if error == "EAGAIN" and now < started + self.seconds:
            return _Waiting(number, attempt, started)
        reply, trouble = None, None
        if connection is not None:
            with connection:
                if attempt.talks:
                    reply, trouble = _talk(connection, attempt, now + self.seconds)
        as_text = None if reply is None else reply.decode("latin-1")
        took = round(time.monotonic() - started, 6)
        self._tell(DONE, number, error, found, as_text, trouble, took)
        return None

    def _tell(self, *values: object) -> None:
        """Write a line; it is out at the latest before the next thing that can take its time."""
        self.lines += json.dumps(values).encode() + b"\n"
        if values[0] == TRYING:
            self._flush()

    def _flush(self) -> None:
        while self.lines:
            self.lines = self.lines[os.write(self.report, self.lines) :]


def _let_go_of_all_but(report: int) -> None:
    """Close what belongs to the run, above all its lock.

    The user who is tried may stop this process, and the lock of a run that is killed just then would
    be held for as long (flock(2): it is released when all copies of the descriptor are closed).
    """
    nothing = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    kept = {report, 0, 1, 2}
    for fd in kept - {report}:
        os.dup2(nothing, fd)
    for fd in map(int, os.listdir("/proc/self/fd")):
        if fd not in kept:
            with suppress(OSError):  # That of the directory itself is gone by now.
                os.close(fd)


def _connect(path: str, wanted: str | None) -> tuple[socket.socket | None, str | None, str | None]:
    """Connect with the wanted type, or find the type out by what the kernel says to others.

    A socket that does not block is told at once that the queue is full (EAGAIN, unix(7)).
    """
    error = None
    for kind in (wanted,) if wanted else TYPES:
        try:
            connection = socket.socket(socket.AF_UNIX, _KINDS[kind] | socket.SOCK_NONBLOCK)
        except OSError as problem:
            return None, _name_of(problem), None
        try:
            connection.connect(path)
            return connection, None, kind
        except OSError as problem:
            connection.close()
            error = _name_of(problem)
        if error != "EPROTOTYPE":
            # A queue can only be full where the type was right.
            return None, error, kind if error == "EAGAIN" else None
    return None, error, None


def _name_of(error: OSError) -> str:
    return errno.errorcode.get(error.errno or 0, f"E{error.errno}")


def _talk(connection: socket.socket, attempt: Attempt, deadline: float) -> tuple[bytes, str | None]:
    """Send, and read until what is expected was seen, the peer closes, or time is up.

    Return what was read, and what went wrong in words.
    """
    if connection.type == _KINDS[DGRAM]:
        return b"", "a datagram socket does not answer on the connection"
    reply = b""
    trouble = _send(connection, attempt.send or b"", deadline, attempt.finish)
    while len(reply) < LONGEST_REPLY:
        try:
            connection.settimeout(_left_of(deadline))
            piece = connection.recv(LONGEST_REPLY - len(reply))
        except ConnectionResetError:
            # The daemon hung up without reading everything.  The error is told once, and on a
            # seqpacket socket before what it had said (__skb_try_recv_datagram in the kernel).
            continue
        except OSError as error:
            return reply, trouble or _in_words(error)
        reply += piece
        if not piece:
            return reply, trouble or "the daemon closed the connection"
        if attempt.expect is None or attempt.expect in reply:
            break
    return reply, trouble


def _send(connection: socket.socket, data: bytes, deadline: float, finish: bool) -> str | None:
    """Send all of it, a message in one piece; return what went wrong in words."""
    rest = memoryview(data)
    try:
        while rest:
            connection.settimeout(_left_of(deadline))
            rest = rest[connection.send(rest, socket.MSG_NOSIGNAL) :]
        if finish:
            connection.shutdown(socket.SHUT_WR)
    except OSError as error:
        return f"sending failed, for {_in_words(error)}"
    return None


def _in_words(error: OSError) -> str:
    if isinstance(error, socket.timeout):
        return "nothing more happened in time"
    if error.errno in (errno.ECONNRESET, errno.EPIPE):
        return "the daemon closed the connection"
    return os.strerror(error.errno or 0)


def _left_of(deadline: float) -> float:
    """Return the seconds left; raise socket.timeout where there are none."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise socket.timeout
    return left
