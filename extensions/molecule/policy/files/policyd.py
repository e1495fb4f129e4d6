# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Listens at a socket of each type, each with another mode, and answers nothing."""

from __future__ import annotations

import os
import selectors
import socket

SOCKETS = {
    "api": (socket.SOCK_STREAM, 0o666),
    "cache": (socket.SOCK_STREAM, 0o620),
    "desk": (socket.SOCK_STREAM, 0o600),
    "log": (socket.SOCK_DGRAM, 0o622),
    "queue": (socket.SOCK_SEQPACKET, 0o640),
    "timed": (socket.SOCK_STREAM, 0o600),
}

selector = selectors.DefaultSelector()
for name, (kind, mode) in SOCKETS.items():
    made = socket.socket(socket.AF_UNIX, kind)
    made.bind(f"/run/policyd/{name}.sock")
    os.chmod(f"/run/policyd/{name}.sock", mode)
    if kind != socket.SOCK_DGRAM:
        made.listen()
    selector.register(made, selectors.EVENT_READ)
while True:
    for key, dummy in selector.select():
        if key.fileobj.type == socket.SOCK_DGRAM:
            key.fileobj.recv(4096)
        else:
            key.fileobj.accept()[0].close()
