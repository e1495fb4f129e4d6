# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ProxyCommand of ssh: through.py SOCKET hands ssh a connection to a Unix socket, and ends."""

from __future__ import annotations

import socket
import sys

with socket.socket(socket.AF_UNIX) as host, socket.socket(fileno=1) as ssh:
    host.connect(sys.argv[1])
    # ProxyUseFdpass (ssh_config(5)): one byte, and the descriptor with it.
    socket.send_fds(ssh, [b"\0"], [host.fileno()])
