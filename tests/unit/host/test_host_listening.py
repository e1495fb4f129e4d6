# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kernel's answer about listeners, byte by byte."""

from __future__ import annotations

import errno
import os
import socket
import struct

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.host import sock_diag
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.listening import (
    Listener,
    listening_among,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.sock_diag import (
    Interrupted,
    network_of,
    request,
)

STREAM, DGRAM, SEQPACKET = (
    int(one) for one in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET)
)
ESTABLISHED, CLOSE, LISTEN = 1, 7, 10
DONE, ERROR, BY_FAMILY = 3, 2, 20


def message(kind: int, body: bytes, flags: int = 2) -> bytes:
    whole = struct.pack("=LHHLL", 16 + len(body), kind, flags, 1, 0) + body
    return whole + b"\0" * (-len(whole) % 4)


def entry(kind: int, state: int, number: int, path: tuple[int, int] | None) -> bytes:
    """One socket; ``path`` is the inode and the kernel's number of the device."""
    body = struct.pack("=BBBBLLL", socket.AF_UNIX, kind, state, 0, number, 7, 8)
    # Some other attribute comes first, with padding.
    body += struct.pack("=HH", 4 + 3, 0) + b"abc\0"
    if path is not None:
        body += struct.pack("=HHLL", 12, 1, *path)
    return message(BY_FAMILY, body)


def parse(data: bytes) -> tuple[list[Listener], bool]:
    found, last = sock_diag.parse(data)
    return list(listening_among(found)), last


def test_listeners_of_all_types() -> None:
    data = b"".join(
        (
            entry(STREAM, LISTEN, 11, (101, 8 << 20 | 1)),
            entry(SEQPACKET, LISTEN, 12, (102, 0 << 20 | 300)),
            entry(DGRAM, CLOSE, 13, (103, 259 << 20 | 70000)),
            entry(DGRAM, ESTABLISHED, 14, (104, 8 << 20 | 1)),
            message(DONE, struct.pack("=i", 0)),
        )
    )
    assert parse(data) == (
        [
            Listener(os.makedev(8, 1), 101, 11, "stream"),
            Listener(os.makedev(0, 300), 102, 12, "seqpacket"),
            Listener(os.makedev(259, 70000), 103, 13, "dgram"),
            Listener(os.makedev(8, 1), 104, 14, "dgram"),
        ],
        True,
    )


@pytest.mark.parametrize(
    ("kind", "state", "path"),
    [
        (STREAM, CLOSE, (101, 1)),  # Bound, and not listening yet.
        (SEQPACKET, CLOSE, (101, 1)),
        (STREAM, ESTABLISHED, (101, 1)),  # An accepted connection has the listener's path.
        (STREAM, LISTEN, None),  # An abstract name, or none.
        (DGRAM, CLOSE, None),
        (99, LISTEN, (101, 1)),
    ],
)
def test_what_does_not_listen_at_a_path(
    kind: int, state: int, path: tuple[int, int] | None
) -> None:
    assert parse(entry(kind, state, 11, path)) == ([], False)


def test_the_answer_goes_on_in_the_next_datagram() -> None:
    found, last = parse(entry(STREAM, LISTEN, 11, (101, 1)))
    assert len(found) == 1
    assert not last
    assert parse(b"") == ([], False)


def test_an_error_of_the_kernel() -> None:
    with pytest.raises(OSError, match="denied") as caught:
        parse(message(ERROR, struct.pack("=i", -errno.EACCES) + request()))
    assert caught.value.errno == errno.EACCES


def test_an_interrupted_answer_is_asked_for_again() -> None:
    with pytest.raises(Interrupted):
        parse(message(BY_FAMILY, b"", flags=0x12))


@pytest.mark.parametrize("length", [0, 15, 4000])
def test_a_length_that_cannot_be(length: int) -> None:
    data = bytearray(entry(STREAM, LISTEN, 11, (101, 1)))
    struct.pack_into("=L", data, 0, length)
    with pytest.raises(OSError, match="was cut"):
        parse(bytes(data))


def test_the_question() -> None:
    data = request()
    assert len(data) == 16 + 24
    length, kind, flags = struct.unpack_from("=LHH", data)
    assert (length, kind, flags) == (len(data), BY_FAMILY, 0x301)
    family, protocol, dummy, states, inode, show = struct.unpack_from("=BBHLLL", data, 16)
    assert (family, protocol, inode) == (socket.AF_UNIX, 0, 0)
    assert states == 1 << LISTEN | 1 << CLOSE | 1 << ESTABLISHED
    assert show == 2


def test_own_network() -> None:
    assert network_of() == network_of(os.getpid())
    with pytest.raises(FileNotFoundError):
        network_of(2**30)
