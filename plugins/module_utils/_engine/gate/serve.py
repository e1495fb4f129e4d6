# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Requests, each of which runs a fixed command: the privileged thing that callers may ask for."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

from . import log as words
from .child import Child
from .door import Door
from .log import Log, Visit
from .loop import Loop
from .peer import Socket
from .queue import Queue
from .request import Caller, error_reply
from .rules import GateRules

_ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
}


class Serve:
    """Runs the command for whoever was admitted.  ``door`` must be set before the first comes."""

    door: Door

    def __init__(
        self,
        loop: Loop,
        log: Log,
        rules: Callable[[float], GateRules],
        user_name: Callable[[int], str],
    ) -> None:
        self.loop = loop
        self._log = log
        self._rules = rules
        self._user_name = user_name
        self._queue: Queue[_Job] = Queue()
        self._jobs: set[_Job] = set()
        self._callers: set[Caller] = set()
        self._stopping = False

    def admit(self, sock: Socket, visit: Visit, rules: GateRules) -> None:
        """Wait for the requests of a caller."""
        self._callers.add(
            Caller(
                self.loop,
                sock,
                visit,
                rules.max_message,
                rules.request_seconds,
                self._submit,
                self._closed,
            )
        )

    def child_ended(self) -> None:
        """See which commands have ended; after each SIGCHLD."""
        for job in list(self._jobs):
            job.child.look()

    def stop(self) -> None:
        """Take no new request; those that are here already are carried out."""
        self._stopping = True
        for caller in list(self._callers):
            caller.end()

    def finish(self) -> None:
        """Kill what runs still, and close everything."""
        for job in list(self._jobs):
            job.child.kill()
        for caller in list(self._callers):
            if caller.waiting:
                caller.reply(error_reply(words.STOPPED, "The gate was stopped."))
            caller.close(words.STOPPED)

    def ended(self, job: _Job, verdict: str, code: str, status: int | str) -> None:
        """Record a request that has come to its end, and begin the next one."""
        visit = job.caller.visit
        self._jobs.discard(job)
        self._queue.done(visit.whose)
        if job.caller.answered:
            record = self._log.again(visit, job.began)
        else:
            record = Visit(visit.peer, job.began, visit.seen, visit.whose)
        record.bytes_in, record.bytes_out = len(job.request), job.written
        self._log.left(record, verdict, code, {"EXIT_STATUS": status})
        job.caller.on_room = None
        job.caller.done()
        self.loop.defer(self._next)

    def said(self, caller: Caller, line: str) -> None:
        """Record what a command wrote to its standard error."""
        self._log.said(caller.visit, line)

    def _submit(self, caller: Caller, request: bytes) -> None:
        peer = caller.visit.peer
        # Asked again for each request: the rules may have changed since the connection began.
        reason = self.door.refusal(caller.sock, peer, self._rules(self.loop.now))
        if reason is not None:
            caller.waiting = False
            caller.close(reason)
            return
        self._queue.put(caller.visit.whose, _Job(self, caller, request))
        # It opens descriptors, see Loop.defer.
        self.loop.defer(self._next)

    def _next(self) -> None:
        rules = self._rules(self.loop.now)
        while True:
            job = self._queue.take(rules.at_once, rules.at_once_per_user)
            if job is None:
                return
            self._jobs.add(job)
            job.start(rules, self._environment(job.caller, rules))

    def _environment(self, caller: Caller, rules: GateRules) -> dict[str, str]:
        peer = caller.visit.peer
        return {
            **_ENVIRONMENT,
            "SOCKET_ACCESS_NAME": rules.name,
            "SOCKET_ACCESS_PEER_UID": str(peer.uid),
            "SOCKET_ACCESS_PEER_GID": str(peer.gid),
            "SOCKET_ACCESS_PEER_PID": str(peer.pid),
            "SOCKET_ACCESS_PEER_USER": self._user_name(peer.uid),
        }

    def _closed(self, caller: Caller, reason: str) -> None:
        self._callers.discard(caller)
        verdict = words.ALLOWED if reason in ("", words.STOPPED) else words.REFUSED
        record = bool(reason) or not caller.answered
        self.door.leave(caller.visit, verdict, reason, record=record)


class _Job:
    """One request, from the queue to the end of its reply."""

    def __init__(self, serve: Serve, caller: Caller, request: bytes) -> None:
        self.caller = caller
        self.request = request
        self.began = serve.loop.now
        self.written = 0
        self.child = Child(serve.loop, self._output, self._line, self._ended)
        self._serve = serve
        self._most = caller.most
        self._reply = bytearray()
        self._last = b"\n"
        self._too_long = False
        self._limit = 0.0

    def start(self, rules: GateRules, environment: dict[str, str]) -> None:
        """Run the command."""
        self._limit = rules.time_limit
        self.caller.on_room = self._room
        try:
            self.child.start(rules.command, environment, self.request, rules.time_limit)
        except OSError as error:
            why = os.strerror(error.errno or 0)
            self._serve.said(self.caller, f"{rules.command[0]} could not be started: {why}.")
            self._fail(words.UNAVAILABLE, "The command could not be started.", "")

    def _output(self, data: bytes) -> None:
        self.written += len(data)
        if self.caller.is_stream:
            self._last = data[-1:]
            self.caller.reply(data)
            if self.caller.is_full:
                self.child.hold(True)
        elif self._too_long:
            return
        elif len(self._reply) + len(data) > self._most:
            self._too_long = True
            self._reply.clear()
            self.child.kill()
        else:
            self._reply += data

    def _room(self) -> None:
        self.child.hold(False)

    def _line(self, text: str) -> None:
        self._serve.said(self.caller, text)

    def _ended(self, status: int, too_late: bool) -> None:
        if self._too_long:
            sentence = f"The reply is longer than {self._most} bytes."
            self._fail(words.REPLY_TOO_LONG, sentence, status)
        elif too_late:
            self._fail(
                words.TIMEOUT, f"The command took longer than {self._limit:g} seconds.", status
            )
        elif status < 0:
            self._fail(words.KILLED, f"The command was ended by {_signal(-status)}.", status)
        elif status:
            self._fail(words.COMMAND, f"The command ended with exit status {status}.", status)
        else:
            if not self.caller.is_stream:
                # An empty message would look like the end of the connection.
                self.caller.reply(bytes(self._reply) or b"\n")
            self._serve.ended(self, words.ALLOWED, "", status)

    def _fail(self, code: str, sentence: str, status: int | str) -> None:
        reply = error_reply(code, sentence)
        # On a line of its own, behind what was written already.
        self.caller.reply(reply if self._last == b"\n" else b"\n" + reply)
        self._serve.ended(self, words.FAILED, code, status)


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
