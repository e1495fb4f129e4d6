# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prints what there is to have at a path: the greeting of a socket, the text of a file, or the error."""

from __future__ import annotations

import errno
import os
import socket
import stat
import sys


def ask(path: str) -> str:
    try:
        if stat.S_ISREG(os.stat(path).st_mode):
            with open(path, encoding="utf-8", errors="replace") as file:
                return file.read()
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(2)
            client.connect(path)
            return "connected: " + client.recv(100).decode(errors="replace")
    except TimeoutError:
        return "connected, and no greeting"
    except OSError as error:
        return errno.errorcode[error.errno or 0]


if __name__ == "__main__":
    print(ask(sys.argv[1]))
