# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kernel's list of sockets: what is read of it, and who is connected to whom."""

from __future__ import annotations

import os
import socket
import struct

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.census.values import (
    Place,
    Seen,
    name_of,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.clients import (
    clients,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.sock_diag import (
    CLOSE,
    ESTABLISHED,
    LISTEN,
    UnixSocket,
    parse,
    request,
)

STREAM = int(socket.SOCK_STREAM)


def _attribute(number: int, value: bytes) -> bytes:
    whole = struct.pack("=HH", 4 + len(value), number) + value
    return whole + b"\0" * (-len(whole) % 4)


def test_all_that_the_kernel_tells() -> None:
    body = struct.pack("=BBBBLLL", socket.AF_UNIX, STREAM, LISTEN, 0, 11, 7, 8)
    body += _attribute(0, b"/run/s\0")
    body += _attribute(1, struct.pack("=LL", 101, 8 << 20 | 1))
    body += _attribute(2, struct.pack("=L", 12))
    body += _attribute(3, struct.pack("=LL", 13, 14))
    body += _attribute(4, struct.pack("=LL", 1, 128))
    body += _attribute(6, struct.pack("=B", 3))
    body += _attribute(7, struct.pack("=L", 1000))
    data = struct.pack("=LHHLL", 16 + len(body), 20, 2, 1, 0) + body
    assert parse(data) == (
        [
            UnixSocket(
                11,
                "stream",
                LISTEN,
                b"/run/s\0",
                os.makedev(8, 1),
                101,
                12,
                1000,
                (13, 14),
                (1, 128),
                True,
            )
        ],
        False,
    )
    assert struct.unpack_from("=L", request(show=0x4F), 16 + 12)[0] == 0x4F


@pytest.mark.parametrize(
    ("name", "text", "autobound"),
    [
        (b"/run/s\0", "/run/s", False),
        (b"/run/s", "/run/s", False),
        (b"relative\0", "relative", False),
        (b"\0abstract", "@abstract", False),
        (b"\0a\0b", "@a@b", False),
        (b"\x000001f", "@0001f", True),
        (b"\x00g001f", "@g001f", False),
        (b"\x00001fg", "@001fg", False),
        (b"\x00\xff", "@\udcff", False),
        (None, None, False),
        (b"", None, False),
    ],
)
def test_names(name: bytes | None, text: str | None, autobound: bool) -> None:
    one = UnixSocket(1, "dgram", CLOSE, name)
    assert name_of(one) == text
    seen = Seen("x", one, Place(None))
    assert seen.autobound == autobound
    assert seen.abstract == (text is not None and text.startswith("@"))


def test_who_is_connected_to_whom() -> None:
    listener = UnixSocket(1, "stream", LISTEN, b"/s\0", 5, 50, waiting=(9, 0))
    abstract = UnixSocket(2, "stream", LISTEN, b"\0a")
    log = UnixSocket(3, "dgram", CLOSE, b"/log\0", 5, 51)
    others = [
        UnixSocket(20, "stream", ESTABLISHED, b"/s\0", 5, 50, peer=21),
        UnixSocket(21, "stream", ESTABLISHED, peer=20),
        # An earlier socket had the same name, and another inode.
        UnixSocket(22, "stream", ESTABLISHED, b"/s\0", 5, 49, peer=23),
        UnixSocket(24, "stream", ESTABLISHED, b"\0a", peer=25),
        UnixSocket(26, "stream", ESTABLISHED, b"\0b", peer=27),
        UnixSocket(28, "dgram", ESTABLISHED, peer=3),
        UnixSocket(29, "dgram", CLOSE, peer=77),
        # The other end has gone.
        UnixSocket(30, "stream", ESTABLISHED, b"/s\0", 5, 50, peer=0),
    ]
    chosen = [listener, abstract, log]
    assert clients([*chosen, *others], chosen) == {1: {9, 21}, 2: {25}, 3: {28}}
