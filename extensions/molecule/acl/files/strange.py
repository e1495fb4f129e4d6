# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes sockets in strange states in the directory that the first argument names, and stays."""

from __future__ import annotations

import os
import signal
import socket
import sys


def bound(path: str, kind: socket.SocketKind) -> socket.socket:
    made = socket.socket(socket.AF_UNIX, kind)
    made.bind(path)
    os.chmod(path, 0o777)
    return made


os.chdir(sys.argv[1])
# The daemon is gone, the file is still there.
bound("dead.sock", socket.SOCK_STREAM).close()
# One socket with two names.
twice = bound("twice.sock", socket.SOCK_STREAM)
twice.listen()
os.link("twice.sock", "other.sock")
# A datagram socket that talks to one other only: the kernel refuses all the rest, whatever the
# permissions are (EPERM, connect(2)).
peer = bound("peer.sock", socket.SOCK_DGRAM)
taken = bound("taken.sock", socket.SOCK_DGRAM)
taken.connect("peer.sock")
signal.pause()
