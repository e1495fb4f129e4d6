# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""A gate from its beginning to its end: all parts together, and the signals."""

from __future__ import annotations

import gc
import resource
import signal
import socket
from collections.abc import MutableMapping

from ..errors import AccessError
from . import closing
from .door import Door
from .forward import Forward
from .journal import Journal
from .log import Log
from .loop import IN, Loop
from .notify import Notify
from .peer import check_listener, refuse_descriptors
from .serve import Serve
from .source import RulesFile

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)


def serve(
    rules: RulesFile,
    listener_fd: int,
    environment: MutableMapping[str, str] | None = None,
    journal: Journal | None = None,
) -> None:
    """Serve a listening descriptor until SIGTERM or SIGINT.

    Then nobody is accepted any more, and whoever is inside has ``finish_seconds`` to come to an
    end; a second signal ends it at once.  SIGHUP has the rules read again.  Raises AccessError
    when the descriptor is not a listening Unix socket of the declared type.  Must run in the main
    thread (signal(7) in Python).
    """
    try:
        listener = socket.socket(fileno=listener_fd)
    except OSError as error:
        raise AccessError(f"The descriptor of the gate is no socket: {error.strerror}.") from error
    listener.setblocking(False)
    gate = _Gate(rules, listener, journal or Journal(), Notify(environment or {}))
    try:
        gate.run()
    finally:
        gate.close()


class _Names:
    """Names of users who may come in.  For others the name service is not troubled."""

    def __init__(self) -> None:
        self._known: dict[int, str] = {}

    def known(self, uid: int) -> str:
        return self._known.get(uid, str(uid))

    def ask(self, uid: int) -> str:
        if uid not in self._known:
            import pwd

            try:
                name = pwd.getpwuid(uid).pw_name
            except KeyError:
                name = str(uid)
            self._known[uid] = name
        return self._known[uid]

    def forget(self) -> None:
        self._known.clear()


class _Gate:
    """The parts, and what happens on signals."""

    def __init__(
        self, rules: RulesFile, listener: socket.socket, journal: Journal, notify: Notify
    ) -> None:
        self._rules = rules
        self._listener = listener
        self._journal = journal
        self._notify = notify
        self._names = _Names()
        self._log = Log(rules.current(0.0).name, journal, self._names.known, self._names.ask)
        self._loop = Loop(self._log.crashed)
        self._log.attach(self._loop)
        check_listener(listener, rules.current(0.0).type)
        rules.say = self._rules_said
        self._serve: Serve | None = None
        self._forward: Forward | None = None
        refuse_descriptors(listener)
        behind: Serve | Forward
        if rules.current(0.0).command:
            behind = self._serve = Serve(self._loop, self._log, rules.current, self._names.ask)
        else:
            behind = self._forward = Forward(self._loop, rules.current)
        self._door = Door(
            self._loop, self._log, rules.current, listener, behind.admit, self._names.ask
        )
        behind.door = self._door
        self._stopping = False
        self._ear, self._mouth = socket.socketpair()

    def run(self) -> None:
        _raise_limit()
        for end in (self._ear, self._mouth):
            end.setblocking(False)
        self._loop.watch(self._ear.fileno(), IN, self)
        signal.set_wakeup_fd(self._mouth.fileno(), warn_on_full_buffer=False)
        before = {one: signal.signal(one, _heard) for one in _SIGNALS}
        closing.prepare()
        self._rules.tell_unresolved()
        try:
            self._door.start()
            # What is here now stays: the collector need not look at it again.
            gc.freeze()
            self._notify.tell("READY=1")
            self._loop.run()
        finally:
            signal.set_wakeup_fd(-1)
            for one, handler in before.items():
                signal.signal(one, handler)

    def ready(self, event: int) -> None:
        """Do what the signals ask for."""
        try:
            heard = set(self._ear.recv(4096))
        except BlockingIOError:
            return
        if signal.SIGCHLD in heard and self._serve is not None:
            self._serve.child_ended()
        if signal.SIGHUP in heard:
            self._rules.reread()
        if heard & {signal.SIGTERM, signal.SIGINT}:
            self._stop()

    def abort(self) -> None:
        """Carry on."""

    def close(self) -> None:
        if self._serve is not None:
            self._serve.finish()
        if self._forward is not None:
            self._forward.finish()
        closing.finish()
        self._log.flush()
        self._loop.close()
        self._listener.close()
        self._ear.close()
        self._mouth.close()
        self._journal.close()

    def _stop(self) -> None:
        if self._stopping:
            self._loop.stop()
            return
        self._stopping = True
        self._notify.tell("STOPPING=1")
        self._door.close(self._loop.stop)
        if self._serve is not None:
            self._serve.stop()
        self._loop.later(self._rules.current(self._loop.now).finish_seconds, self._loop.stop)

    def _rules_said(self, text: str, problem: bool) -> None:
        self._names.forget()
        self._log.say(text, problem)


def _heard(number: int, frame: object) -> None:
    """The wakeup descriptor has it already (signal.set_wakeup_fd)."""


def _raise_limit() -> None:
    """Allow as many descriptors as the unit does (LimitNOFILE=)."""
    dummy, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (OSError, ValueError):
        pass
