# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""The gate's own records: one for each caller or request, until one user makes too many of them.

Beyond that they are counted, and summed up once a second: a flood must neither slow the gate nor
fill the journal, and no caller goes unmentioned.  What a busy journal does not take is summed up as
well, and said again until it does.  What commands write is limited in the same way.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from .budget import ANYBODY, USERS, Budget
from .journal import ERROR, INFO, WARNING, Journal, Value
from .loop import Loop
from .peer import Peer, Socket
from .process import UNSEEN, Process, look
from .rules import FOREIGN_PID, NO_IDENTITY, NOT_LISTED, OVERFLOW

# Other reasons, besides those of the rules.
TOO_MANY, BACKEND_DOWN, BACKEND_FULL = "too-many", "backend-down", "backend-full"
TOO_LONG, EMPTY, DESCRIPTORS, CUT, IDLE, STOPPED, BROKEN = (
    "too-long",
    "empty",
    "descriptors",
    "cut",
    "idle",
    "stopped",
    "broken",
)
# Of a request that was not carried out.
COMMAND, KILLED, TIMEOUT, REPLY_TOO_LONG, UNAVAILABLE = (
    "failed",
    "killed",
    "timeout",
    "reply-too-long",
    "unavailable",
)
ALLOWED, REFUSED, FAILED = "allowed", "refused", "failed"
_WAS = {ALLOWED: "allowed", REFUSED: "refused", FAILED: "not served"}

SINGLY = 100
# Of one user in a second, in bytes; a line takes some of the journal even if nothing is in it.
SAID, _LINE = 1 << 18, 128
_BECAUSE = {
    NOT_LISTED: "it is neither a listed user nor in a listed group",
    OVERFLOW: "its id stands for everyone who is not mapped in this user namespace",
    FOREIGN_PID: "it is in a process namespace that cannot be seen from here",
    NO_IDENTITY: "the kernel did not tell who it is",
    TOO_MANY: "it has as many connections open as one user may have",
    BACKEND_DOWN: "the socket behind the gate does not take connections",
    BACKEND_FULL: "the queue of the socket behind the gate stayed full",
    TOO_LONG: "a message was longer than is allowed",
    EMPTY: "it sent an empty message",
    DESCRIPTORS: "it passed descriptors",
    CUT: "its control data were cut off",
    IDLE: "it sent no request in time",
    STOPPED: "the gate was stopped",
    BROKEN: "the gate failed",
    COMMAND: "the command ended with an error",
    KILLED: "the command was ended by a signal",
    TIMEOUT: "the command took too long",
    REPLY_TOO_LONG: "the command's reply was longer than is allowed",
    UNAVAILABLE: "the command could not be started",
}


class Visit:
    """One caller, from the moment it was accepted on; ``whose`` limits it counts for, as an id."""

    __slots__ = ("bytes_in", "bytes_out", "peer", "seen", "started", "whose")

    def __init__(
        self, peer: Peer, started: float, seen: Process | None, whose: int | None = None
    ) -> None:
        self.peer = peer
        self.whose = peer.uid if whose is None else whose
        self.started = started
        self.seen = seen
        self.bytes_in = 0
        self.bytes_out = 0


class _Sum:
    """What was not recorded singly."""

    __slots__ = ("bytes_in", "bytes_out", "connections")

    def __init__(self) -> None:
        self.connections = 0
        self.bytes_in = 0
        self.bytes_out = 0


class Log:
    """Writes the records of one gate.

    ``known`` gives the names of ids that were asked for before; ``ask`` asks the name service,
    which only callers who may come in are worth.
    """

    def __init__(
        self,
        name: str,
        journal: Journal,
        known: Callable[[int], str] = str,
        ask: Callable[[int], str] = str,
    ) -> None:
        self._name = name
        self._journal = journal
        self._known = known
        self._ask = ask
        self._loop: Loop | None = None
        self._budget = Budget()
        self._sums: dict[tuple[int, str, str], _Sum] = {}
        # Sentences that the journal did not take.
        self._lost = 0
        # Lines of commands that were too many, by user.
        self._unsaid: dict[int, int] = {}

    def attach(self, loop: Loop) -> None:
        """Have the sums written by this loop."""
        self._loop = loop

    def say(self, text: str, problem: bool = False) -> None:
        """Record something about the gate itself, in a sentence."""
        self._tell(text, WARNING if problem else INFO, {})

    def crashed(self, error: Exception) -> None:
        """Record an error of the gate's own, with the place where it happened."""
        place, trace = "", error.__traceback__
        while trace is not None:
            code = trace.tb_frame.f_code
            place = f"{code.co_filename}:{trace.tb_lineno} in {code.co_name}"
            trace = trace.tb_next
        if self._may(ANYBODY, "crash"):
            text = f"An error that should not happen: {type(error).__name__}: {error} ({place})."
            self._tell(text, ERROR, {})

    def arrived(self, sock: Socket, peer: Peer, now: float, whose: int) -> Visit:
        """Begin a visit; whoever is to get a record of his own is looked at now."""
        if not self._may(whose, ALLOWED):
            return Visit(peer, now, None, whose)
        self._ask(peer.uid)
        return Visit(peer, now, look(sock, peer), whose)

    def again(self, visit: Visit, now: float) -> Visit:
        """Begin a further request of a caller who has a record already."""
        may = self._may(visit.whose, ALLOWED)
        return Visit(visit.peer, now, visit.seen or UNSEEN if may else None, visit.whose)

    def refused(self, sock: Socket | None, peer: Peer, reason: str) -> None:
        """Record a caller that did not come in."""
        if self._may(peer.uid, REFUSED):
            seen = UNSEEN if sock is None else look(sock, peer)
            visit = Visit(peer, time.monotonic(), seen)
            self._single(visit, REFUSED, reason, None)
        else:
            self._add(peer.uid, REFUSED, reason, None)

    def left(
        self, visit: Visit, verdict: str, reason: str, extra: dict[str, Value] | None = None
    ) -> None:
        """Record a caller that came in, at the end of his visit or of one request."""
        if visit.seen is None:
            self._add(visit.peer.uid, verdict, reason, visit)
        else:
            self._single(visit, verdict, reason, extra)

    def said(self, visit: Visit, text: str) -> None:
        """Record a line that a command wrote to its standard error, as it is."""
        uid = visit.whose
        if self._may(uid, "said", SAID, _LINE + len(text.encode("utf-8", "replace"))):
            self._tell(text, INFO, self._who(visit.peer, visit.seen or UNSEEN))
        else:
            uid = uid if uid in self._unsaid or len(self._unsaid) < USERS else ANYBODY
            self._unsaid[uid] = self._unsaid.get(uid, 0) + 1

    def flush(self) -> None:
        """Write what was summed up; what is not taken stays for the next time."""
        sums, self._sums = self._sums, {}
        self._budget.clear()
        left = {}
        for key, one in sums.items():
            uid, verdict, reason = key
            who = self._called(uid)
            because = f": {_BECAUSE[reason]}" if reason in _BECAUSE else ""
            fields: dict[str, Value] = {
                **_uid(uid),
                "VERDICT": verdict,
                "REASON": reason,
                "CONNECTIONS": one.connections,
                "BYTES_IN": one.bytes_in,
                "BYTES_OUT": one.bytes_out,
            }
            priority = INFO if verdict == ALLOWED else WARNING
            text = f"{one.connections} more calls of {who} were {_WAS[verdict]}{because}."
            if not self._send(text, priority, fields):
                left[key] = one
        for uid, count in list(self._unsaid.items()):
            text = f"{count} lines of the command for {self._called(uid)} are left out: too many."
            if self._send(text, WARNING, _uid(uid)):
                del self._unsaid[uid]
        lost = self._lost
        if lost and self._send(
            f"{lost} messages were lost, because the journal was busy.", WARNING, {}
        ):
            self._lost = 0
        self._sums = left
        if self._loop is not None and (left or self._lost or self._unsaid):
            self._loop.later(1.0, self.flush)

    def _may(self, uid: int, kind: str, most: int = SINGLY, cost: int = 1) -> bool:
        """Tell whether so much more of that kind may be written for a user in this second."""
        self._flush_later()
        return self._budget.spend(uid, kind, most, cost)

    def _flush_later(self) -> None:
        """Have the sums of this second written at its end, where that is not arranged yet."""
        arranged = self._budget or self._sums or self._lost or self._unsaid
        if self._loop is not None and not arranged:
            self._loop.later(1.0, self.flush)

    def _add(self, uid: int, verdict: str, reason: str, visit: Visit | None) -> None:
        key = (uid, verdict, reason)
        one = self._sums.get(key)
        if one is None:
            if len(self._sums) >= USERS:
                key = (ANYBODY, verdict, reason)
            self._flush_later()
            one = self._sums.setdefault(key, _Sum())
        one.connections += 1
        if visit is not None:
            one.bytes_in += visit.bytes_in
            one.bytes_out += visit.bytes_out

    def _single(
        self, visit: Visit, verdict: str, reason: str, extra: dict[str, Value] | None
    ) -> None:
        seen = visit.seen or UNSEEN
        seconds = time.monotonic() - visit.started
        fields: dict[str, Value] = {
            **self._who(visit.peer, seen),
            "BYTES_IN": visit.bytes_in,
            "BYTES_OUT": visit.bytes_out,
            "SECONDS": seconds,
            "VERDICT": verdict,
            "REASON": reason,
            **(extra or {}),
        }
        who = ", ".join(
            part for part in (f"pid {visit.peer.pid}", seen.exe or seen.comm, seen.unit) if part
        )
        because = f": {_BECAUSE[reason]}" if reason in _BECAUSE else ""
        called = self._called(visit.peer.uid)
        text = f"{called[:1].upper()}{called[1:]} ({who}) was {_WAS[verdict]}{because}."
        if verdict != REFUSED or visit.bytes_in:
            text += (
                f" {visit.bytes_in} bytes in, {visit.bytes_out} bytes out, {seconds:.3f} seconds."
            )
        if not self._send(text, INFO if verdict == ALLOWED else WARNING, fields):
            self._add(visit.peer.uid, verdict, reason, visit)

    def _who(self, peer: Peer, seen: Process) -> dict[str, Value]:
        return {
            "PEER_UID": peer.uid,
            "PEER_GID": peer.gid,
            "PEER_PID": peer.pid,
            "PEER_EXE": seen.exe,
            "PEER_COMM": seen.comm,
            "PEER_UNIT": seen.unit,
        }

    def _called(self, uid: int) -> str:
        if uid == ANYBODY:
            return "others"
        name = self._known(uid)
        return f"user {name}" if name == str(uid) else f"user {name} ({uid})"

    def _tell(self, text: str, priority: int, fields: dict[str, Value]) -> None:
        if not self._send(text, priority, fields):
            self._flush_later()
            self._lost += 1

    def _send(self, text: str, priority: int, fields: dict[str, Value]) -> bool:
        return self._journal.send(
            {
                "MESSAGE": text,
                "PRIORITY": priority,
                "SYSLOG_IDENTIFIER": "socket-access",
                "SOCKET_ACCESS_NAME": self._name,
                **fields,
            }
        )


def _uid(uid: int) -> dict[str, Value]:
    return {"PEER_UID": "" if uid == ANYBODY else uid}
