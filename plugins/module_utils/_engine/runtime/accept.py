# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Accepting for a program that cannot: one process for each connection of a socket of systemd.

socat before 1.8 has no ACCEPT-FD, and Accept=yes of systemd.socket(5) starts a unit for each
connection, which is far slower.  The program gets the connection as its standard input.

``socket-access accept --max N -- PROGRAM [ARGUMENT...]``, with the listener as sd_listen_fds(3)
describes it.
"""

from __future__ import annotations

import errno
import os
import select
import signal
import socket
import sys
from collections.abc import Mapping

FINE, FAILED, WRONG = 0, 1, 2
# SD_LISTEN_FDS_START of sd_listen_fds(3).
_LISTENER = 3
# What the host may have again after a moment: descriptors, memory, processes (accept(2), fork(2)).
_SHORTAGE = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS, errno.EAGAIN)
# Milliseconds until the next try.
_PAUSE = 100
# How many connections are taken before children that have ended are looked at.
_BATCH = 16
_USAGE = "accept takes --max N -- PROGRAM [ARGUMENT...], with an absolute path of the program."


def main(arguments: list[str]) -> int:
    """Accept until SIGTERM, then wait for the connections that are left; return an exit status."""
    try:
        most, program = parse(arguments)
        listener = inherited(os.environ, os.getpid())
    except ValueError as error:
        sys.stderr.write(f"socket-access: {error}\n")
        return WRONG
    except OSError as error:
        sys.stderr.write(f"socket-access: The descriptor from systemd is no listener: {error}.\n")
        return FAILED
    return Acceptor(listener, most, program).run()


def parse(arguments: list[str]) -> tuple[int, list[str]]:
    """Return how many children there may be, and the program's arguments; raises ValueError."""
    limited = arguments[:1] == ["--max"] and arguments[2:3] == ["--"]
    if not limited or not arguments[1].isdigit() or not arguments[3:4]:
        raise ValueError(_USAGE)
    most, program = int(arguments[1]), arguments[3:]
    if most < 1 or not program[0].startswith("/"):
        raise ValueError(_USAGE)
    return most, program


def inherited(environment: Mapping[str, str], pid: int) -> socket.socket:
    """Return the one listener that systemd passes; raises ValueError and OSError."""
    passed = (environment.get("LISTEN_PID"), environment.get("LISTEN_FDS"))
    if passed != (str(pid), "1"):
        raise ValueError(
            "accept is started by a .socket unit that passes one listener (LISTEN_FDS=1), and was "
            "not; start the .socket unit instead of the service."
        )
    listener = socket.socket(fileno=_LISTENER)
    # The programs must not keep the listener open when this one is gone.
    listener.set_inheritable(False)
    listener.setblocking(False)
    return listener


class Acceptor:
    """One listener and the processes that serve its connections."""

    def __init__(self, listener: socket.socket, most: int, program: list[str]) -> None:
        self._listener = listener
        self._most = most
        self._program = program
        self._environment = {
            name: value for name, value in os.environ.items() if not name.startswith("LISTEN_")
        }
        self._children: set[int] = set()
        # A connection that waits for the host to have room for a process.
        self._waiting: socket.socket | None = None
        self._stopping = False
        self._complained = 0

    def run(self) -> int:
        """Serve until told to stop; return the exit status."""
        awake, wake = os.pipe()
        os.set_blocking(awake, False)
        os.set_blocking(wake, False)
        # Python writes to the pipe, so no signal is lost between a look and the wait for the next.
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        poll = select.poll()
        poll.register(awake, select.POLLIN)
        listening = False
        while True:
            self._reap()
            pause = self._take()
            if self._stopping and not self._children and self._waiting is None:
                return FINE
            ready = not pause and not self._stopping and self._has_room()
            if ready and not listening:
                poll.register(self._listener, select.POLLIN)
            elif listening and not ready:
                # The backlog keeps the clients while nobody can be served.
                poll.unregister(self._listener)
            listening = ready
            poll.poll(_PAUSE if pause else None)
            self._drain(awake)

    def _stop(self, number: int, frame: object) -> None:
        self._stopping = True

    def _has_room(self) -> bool:
        return len(self._children) < self._most

    def _drain(self, awake: int) -> None:
        try:
            while os.read(awake, 4096):
                pass
        except BlockingIOError:
            pass

    def _reap(self) -> None:
        while self._children:
            pid, dummy = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            self._children.discard(pid)

    def _take(self) -> bool:
        """Serve who is waiting; return whether the host is short of something just now."""
        for dummy in range(_BATCH):
            if not self._has_room():
                return False
            if self._waiting is None:
                if self._stopping:
                    return False
                try:
                    self._waiting = self._listener.accept()[0]
                except BlockingIOError:
                    return False
                except OSError as error:
                    if error.errno in _SHORTAGE:
                        self._complain("accept a connection", error)
                        return True
                    if error.errno in (errno.ECONNABORTED, errno.EINTR, errno.EPROTO):
                        continue
                    raise
            if not self._start(self._waiting):
                return True
            self._waiting.close()
            self._waiting = None
        return False

    def _start(self, connection: socket.socket) -> bool:
        """Start the program for a connection; return False to try again after a moment."""
        try:
            # There is no AnsibleModule in a server that runs on the host.
            pid = os.posix_spawn(  # pylint: disable=ansible-bad-function
                self._program[0],
                self._program,
                self._environment,
                file_actions=[(os.POSIX_SPAWN_DUP2, connection.fileno(), 0)],
                setsigdef=[signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGPIPE],
            )
        except OSError as error:
            self._complain(f"start {self._program[0]}", error)
            # A program that is missing is missing for this client, and may be there for the next.
            return error.errno not in _SHORTAGE
        self._complained = 0
        self._children.add(pid)
        return True

    def _complain(self, what: str, error: OSError) -> None:
        """Say once what fails again and again, until something works."""
        number = error.errno or 0
        if number != self._complained:
            self._complained = number
            sys.stderr.write(f"socket-access: Cannot {what}: {error.strerror}.\n")
            sys.stderr.flush()
