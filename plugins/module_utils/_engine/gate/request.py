# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""One caller of a command: its requests in, the replies out."""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Callable

from . import closing
from . import log as words
from .log import Visit
from .loop import ERR, HUP, IN, OUT, RDHUP, Loop, Timer
from .peer import Socket
from .receiving import at_end, taker
from .rules import LARGEST_MESSAGE

_WRONG = {
    words.TOO_LONG: "The request is longer than {most} bytes.",
    words.EMPTY: "The request is empty.",
    words.DESCRIPTORS: "Descriptors cannot be passed here.",
    words.CUT: "The request came with control data, which are not taken.",
}
# What is not received, so nothing behind it can be; ``closing`` ends that without hiding the reply.
_UNREAD = (words.DESCRIPTORS, words.CUT)
# So much of a reply waits for a slow caller before the command has to wait, too.
_MUCH = 65536
# How long a caller may take to see the end of its last reply before the connection is cut.
_LINGER = 2.0
_READ = IN | RDHUP
_GONE = HUP | ERR


def error_reply(code: str, sentence: str) -> bytes:
    """Return the line by which a caller learns that a request was not carried out."""
    plain = " ".join(sentence.split())
    return f"socket-access: error: {code} {plain}\n".encode("utf-8", "replace")


class Caller:
    """A connection.  ``submit`` gets it with each whole request, one at a time.

    A caller that has closed already has its requests carried out all the same: what was asked for
    is done, whether or not somebody waits for the answer.  ``seconds`` is how long a request may
    take to arrive, and a reply to be taken.
    """

    def __init__(
        self,
        loop: Loop,
        sock: Socket,
        visit: Visit,
        most: int,
        seconds: float,
        submit: Callable[[Caller, bytes], None],
        closed: Callable[[Caller, str], None],
    ) -> None:
        self.sock = sock
        self.visit = visit
        self.most = most
        self.is_stream = sock.type == socket.SOCK_STREAM
        # A request of it is under way.
        self.waiting = False
        self.answered = 0
        self.on_room: Callable[[], None] | None = None
        self._loop = loop
        self._seconds = seconds
        self._submit = submit
        self._closed = closed
        self._request = bytearray()
        self._out: deque[memoryview] = deque()
        self._out_size = 0
        # It takes no reply any more; no further request is taken; only its end is waited for.
        self._deaf = self._over = self._lingers = False
        self._reason = ""
        self._open = True
        self._fd = sock.fileno()
        self._receive = taker(sock)
        self._events = _READ
        if most > _MUCH:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, LARGEST_MESSAGE)
        loop.watch(self._fd, _READ, self)
        self._timer: Timer = loop.later(seconds, self._tired)

    @property
    def is_full(self) -> bool:
        """Tell whether it takes its reply more slowly than the command writes it."""
        return self._out_size > _MUCH

    def ready(self, event: int) -> None:
        """Take a request, or give more of a reply."""
        if event & OUT:
            self._flush()
        if not self._open:
            return
        if self._lingers:
            self._discard()
        elif self._out or self.waiting:
            if event & _GONE:
                # It would be told again and again until the command is done.
                self._hang_up()
        else:
            self._take()

    def abort(self) -> None:
        """Close after an error that should not happen."""
        self.close(words.BROKEN)

    def reply(self, data: bytes) -> None:
        """Give a part of the reply; on seqpacket, all of it as one message."""
        if self._deaf:
            return
        self._out.append(memoryview(data))
        self._out_size += len(data)
        self._flush()

    def done(self) -> None:
        """End the reply: the next request may come, where there can be one."""
        self.waiting = False
        self.answered += 1
        if self._open:
            self._expect(self._seconds)
            self._settle()

    def end(self) -> None:
        """Take no further request, and close once the reply to the last one is given."""
        if not self._over:
            self._over = True
            self._reason = words.STOPPED
            self._settle()

    def close(self, reason: str) -> None:
        """Close now."""
        if not self._open:
            return
        self._open = False
        self._timer.cancel()
        # A copy may be in a process that was started a moment ago: epoll must be told.
        self._loop.unwatch(self._fd)
        self._drop()
        closing.close(self._loop, self.sock)
        if self.on_room is not None:
            self.on_room()
        self._closed(self, reason)

    def _take(self) -> None:
        most = self.most - len(self._request)
        try:
            data, wrong = self._receive(self.sock, most)
        except BlockingIOError:
            return
        except OSError:
            self.close("")
            return
        self.visit.bytes_in += len(data)
        if wrong:
            self._refuse(wrong)
        elif not self.is_stream:
            if data:
                self._begin(bytes(data))
            elif at_end(self.sock):
                self.close("")
            else:
                self._refuse(words.EMPTY)
        elif data:
            self._request += data
        elif self._request:
            request = bytes(self._request)
            self._request.clear()
            self._begin(request)
        else:
            # Somebody who only looked whether the door opens asked for nothing.
            self.close("")

    def _begin(self, request: bytes) -> None:
        self.waiting = True
        self._timer.cancel()
        self._update()
        self._submit(self, request)

    def _refuse(self, code: str) -> None:
        self._over = True
        self._reason = code
        self.reply(error_reply(code, _WRONG[code].format(most=self.most)))
        if self._open:
            self._settle()

    def _flush(self) -> None:
        while self._out:
            try:
                sent = self.sock.send(self._out[0])
            except BlockingIOError:
                break
            except OSError:
                self._hang_up()
                return
            self.visit.bytes_out += sent
            self._out_size -= sent
            if sent == len(self._out[0]):
                self._out.popleft()
            else:
                self._out[0] = self._out[0][sent:]
        self._settle()

    def _hang_up(self) -> None:
        """It takes nothing any more; what it asked for goes on."""
        self._drop()
        self._settle()

    def _drop(self) -> None:
        self._deaf = True
        self._out.clear()
        self._out_size = 0

    def _settle(self) -> None:
        """Wait for exactly what can lead further, or come to an end."""
        if self.on_room is not None and not self.is_full:
            self.on_room()
        if not self._over or self.waiting or self._out or self._lingers:
            self._update()
        elif self._deaf:
            self.close(self._reason)
        else:
            # What is unread when a socket is closed hides the reply: on seqpacket, the caller
            # gets ECONNRESET before it (__skb_wait_for_more_packets() in net/core/datagram.c).
            self._lingers = True
            self._expect(_LINGER)
            try:
                self.sock.shutdown(socket.SHUT_WR)
            except OSError:
                self.close(self._reason)
                return
            self._update()

    def _discard(self) -> None:
        try:
            data, wrong = self._receive(self.sock, LARGEST_MESSAGE)
            ended = wrong in _UNREAD or (not data and (self.is_stream or at_end(self.sock)))
        except BlockingIOError:
            return
        except OSError:
            ended = True
        if ended:
            self.close(self._reason)

    def _update(self) -> None:
        if self._out:
            events = OUT
        elif self._lingers or not (self.waiting or self._over):
            events = _READ
        else:
            # HUP is told all the same, once.
            events = -1 if self._deaf else 0
        if events == self._events:
            return
        if events < 0:
            self._loop.unwatch(self._fd)
        elif self._events < 0:
            self._loop.watch(self._fd, events, self)
        else:
            self._loop.change(self._fd, events)
        self._events = events

    def _expect(self, seconds: float) -> None:
        self._timer.cancel()
        self._timer = self._loop.later(seconds, self._tired)

    def _tired(self) -> None:
        self.close(self._reason if self._lingers else words.IDLE)
