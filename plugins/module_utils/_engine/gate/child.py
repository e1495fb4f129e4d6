# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""One run of the command: what it reads, what it says, how it ends, and how long it may take."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping

from .loop import IN, Loop, Timer

# How long a command has after SIGTERM until SIGKILL.
GRACE = 1.0
_CHUNK = 65536
_LONGEST_LINE = 2048
_MOST_LINES = 1000
# After its end: what its pipe holds, and no more of what runaways write.
_LAST = 1 << 20
# What Python ignores, and a process that begins should not.
_DEFAULT = (signal.SIGPIPE, signal.SIGXFSZ)


class Child:
    """A running command in a process group of its own.

    ``output`` gets its standard output piece by piece, ``line`` each line of its standard error,
    ``ended`` is called once, after the last of both, with the wait status (``os.waitid``) as exit
    status or negative signal, and whether its time was over.
    """

    def __init__(
        self,
        loop: Loop,
        output: Callable[[bytes], None],
        line: Callable[[str], None],
        ended: Callable[[int, bool], None],
    ) -> None:
        self.pid = 0
        self.too_late = False
        self._loop = loop
        self._output = output
        self._line = line
        self._ended = ended
        self._out: _Pipe | None = None
        self._err: _Pipe | None = None
        self._timer: Timer | None = None
        self._text = b""
        self._lines = 0

    def start(
        self, command: tuple[str, ...], environment: Mapping[str, str], request: bytes, limit: float
    ) -> None:
        """Run the command with the request on its standard input; raises OSError."""
        opened: list[int] = []
        try:
            source = os.memfd_create("request", os.MFD_CLOEXEC)
            opened.append(source)
            left = memoryview(request)
            while left:
                left = left[os.write(source, left) :]
            os.lseek(source, 0, os.SEEK_SET)
            out, out_end = os.pipe2(os.O_CLOEXEC)
            opened += [out, out_end]
            err, err_end = os.pipe2(os.O_CLOEXEC)
            opened += [err, err_end]
            os.set_blocking(out, False)
            os.set_blocking(err, False)
            # There is no AnsibleModule in a server that runs on the host.
            self.pid = os.posix_spawn(  # pylint: disable=ansible-bad-function
                command[0],
                command,
                dict(environment),
                file_actions=[
                    (os.POSIX_SPAWN_DUP2, source, 0),
                    (os.POSIX_SPAWN_DUP2, out_end, 1),
                    (os.POSIX_SPAWN_DUP2, err_end, 2),
                ],
                setpgroup=0,
                setsigmask=(),
                setsigdef=_DEFAULT,
            )
        except BaseException:
            for fd in opened:
                os.close(fd)
            raise
        for fd in (source, out_end, err_end):
            os.close(fd)
        self._out = _Pipe(self._loop, out, self._output)
        self._err = _Pipe(self._loop, err, self._split)
        self._timer = self._loop.later(limit, self._too_late)

    def hold(self, still: bool) -> None:
        """Stop reading its output, or go on with it."""
        if self._out is not None:
            self._out.hold(still)

    def look(self) -> None:
        """See whether it has ended; to be called after each SIGCHLD."""
        if not self.pid:
            return
        try:
            found = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            found = None
            status = -signal.SIGKILL
        else:
            if found is None:
                return
            status = found.si_status if found.si_code == os.CLD_EXITED else -found.si_status
        # As long as it is not waited for, its number belongs to nobody else.
        self.kill(signal.SIGKILL)
        if found is not None:
            os.waitid(os.P_PID, self.pid, os.WEXITED)
        self.pid = 0
        if self._timer is not None:
            self._timer.cancel()
        for pipe in (self._out, self._err):
            if pipe is not None:
                pipe.finish()
        if self._text:
            self._say(self._text)
        self._out = self._err = None
        self._ended(status, self.too_late)

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send a signal to it and to all it started, as long as they stay in its group."""
        if self.pid:
            try:
                os.killpg(self.pid, number)
            except OSError:
                pass

    def _too_late(self) -> None:
        self.too_late = True
        self.kill(signal.SIGTERM)
        self._timer = self._loop.later(GRACE, self.kill)

    def _split(self, data: bytes) -> None:
        lines = (self._text + data).split(b"\n")
        self._text = lines.pop()
        for one in lines:
            self._say(one)
        while len(self._text) > _LONGEST_LINE:
            self._say(self._text[:_LONGEST_LINE])
            self._text = self._text[_LONGEST_LINE:]

    def _say(self, text: bytes) -> None:
        self._lines += 1
        if self._lines <= _MOST_LINES:
            self._line(text[:_LONGEST_LINE].decode("utf-8", "replace"))
        elif self._lines == _MOST_LINES + 1:
            self._line(f"(More than {_MOST_LINES} lines are left out.)")


class _Pipe:
    """The reading end of one of its pipes."""

    def __init__(self, loop: Loop, fd: int, take: Callable[[bytes], None]) -> None:
        self._loop = loop
        self._fd = fd
        self._take = take
        self._watched = True
        loop.watch(fd, IN, self)

    def ready(self, event: int) -> None:
        if not self._read():
            self._close()

    def abort(self) -> None:
        self._close()

    def hold(self, still: bool) -> None:
        if self._fd >= 0 and still == self._watched:
            self._watched = not still
            if still:
                self._loop.unwatch(self._fd)
            else:
                self._loop.watch(self._fd, IN, self)

    def finish(self) -> None:
        """Take what is there still, and close."""
        left = _LAST
        while self._fd >= 0 and left > 0:
            left -= _CHUNK
            try:
                data = os.read(self._fd, _CHUNK)
            except OSError:
                break
            if not data:
                break
            self._take(data)
        self._close()

    def _read(self) -> bool:
        try:
            data = os.read(self._fd, _CHUNK)
        except BlockingIOError:
            return True
        except OSError:
            return False
        if data:
            self._take(data)
        return bool(data)

    def _close(self) -> None:
        if self._fd >= 0:
            # A copy may be in a process that was started a moment ago: epoll must be told.
            self._loop.unwatch(self._fd)
            os.close(self._fd)
            self._fd = -1
