# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks again and again; /run/poller/answer holds the last answer, or why there was none."""

from __future__ import annotations

import errno
import os
import socket
import time


def ask() -> str:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(5)
        try:
            connection.connect("/run/stats/stats.sock")
            connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
            return connection.makefile().readline().strip()
        except OSError as error:
            return errno.errorcode.get(error.errno or 0, str(error))


while True:
    with open("/run/poller/answer.new", "w", encoding="utf-8") as file:
        file.write(ask())
    os.replace("/run/poller/answer.new", "/run/poller/answer")
    time.sleep(0.1)
