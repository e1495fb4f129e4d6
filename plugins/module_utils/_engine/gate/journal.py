# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Records for the journal, in its own protocol (systemd.journal-fields(7)).

Format: https://systemd.io/JOURNAL_NATIVE_PROTOCOL/.  Nothing here waits: a record that the journal
does not take at once is left to whoever wanted to send it.
"""

from __future__ import annotations

import os
import select
import socket
import struct
from collections.abc import Mapping
from typing import Union

PLACE = "/run/systemd/journal/socket"
INFO, WARNING, ERROR = 6, 4, 3

# A record must fit into one datagram; nothing of worth for people is longer than this.
_LONGEST = 8192
_LENGTH = struct.Struct("<Q")

Value = Union[str, int, float]


def encode(fields: Mapping[str, Value]) -> bytes:
    """Return one record; values with line breaks are counted, so none of them forges a field.

    Keys are upper case letters, digits and underscores, and do not begin with an underscore.
    """
    parts = []
    for key, value in fields.items():
        data = _bytes(value)
        if b"\n" in data:
            parts.append(b"%s\n%s%s\n" % (key.encode("ascii"), _LENGTH.pack(len(data)), data))
        else:
            parts.append(b"%s=%s\n" % (key.encode("ascii"), data))
    return b"".join(parts)


def line(fields: Mapping[str, Value]) -> bytes:
    """Return a record as one line of text, for where there is no journal (sd-daemon(3))."""
    rest = " ".join(
        f"{key}={_printable(value)}"
        for key, value in fields.items()
        if key not in ("MESSAGE", "PRIORITY", "SYSLOG_IDENTIFIER") and value != ""
    )
    text = f"<{fields.get('PRIORITY', INFO)}>{_printable(fields.get('MESSAGE', ''))}"
    return f"{text} {rest}\n".encode("utf-8", "replace")


class Journal:
    """Where records go: the journal, or standard error where there is none."""

    def __init__(self, place: str = "", fallback: int = 2) -> None:
        self._place = place or PLACE
        self._fallback = fallback
        self._poll = select.poll()
        self._poll.register(fallback, select.POLLOUT)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self._socket.setblocking(False)

    def send(self, fields: Mapping[str, Value]) -> bool:
        """Send one record; tell whether it was taken.  Raises nothing."""
        try:
            self._socket.sendto(encode(fields), self._place)
        except BlockingIOError:
            return False
        except OSError:
            return self._write(line(fields))
        return True

    def close(self) -> None:
        """Send nothing any more."""
        self._socket.close()

    def _write(self, text: bytes) -> bool:
        # A pipe that takes something takes a line of up to PIPE_BUF bytes whole (pipe(7)).
        text = text if len(text) <= select.PIPE_BUF else text[: select.PIPE_BUF - 1] + b"\n"
        ready = self._poll.poll(0)
        try:
            if not ready or not ready[0][1] & select.POLLOUT:
                raise BlockingIOError
            os.write(self._fallback, text)
        except OSError:
            return False
        return True


def _bytes(value: Value) -> bytes:
    if isinstance(value, float):
        return b"%.6f" % value
    return str(value).encode("utf-8", "replace")[:_LONGEST]


def _printable(value: Value) -> str:
    text = f"{value:.6f}" if isinstance(value, float) else str(value)
    return "".join(letter if letter.isprintable() else "?" for letter in text)
