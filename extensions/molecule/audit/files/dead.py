# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Leaves a socket file behind at which nobody listens."""

from __future__ import annotations

import socket
import sys

one = socket.socket(socket.AF_UNIX)
one.bind(sys.argv[1])
one.listen()
