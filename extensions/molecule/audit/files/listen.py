# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Listens at each PATH=MODE, and at each @NAME; takes every connection, and closes it."""

from __future__ import annotations

import os
import selectors
import socket
import sys

selector = selectors.DefaultSelector()
for argument in sys.argv[1:]:
    path, dummy, mode = argument.partition("=")
    one = socket.socket(socket.AF_UNIX)
    if path.startswith("@"):
        one.bind("\0" + path[1:])
    else:
        if os.path.lexists(path):
            os.unlink(path)
        one.bind(path)
        os.chmod(path, int(mode, 8))
    one.listen()
    selector.register(one, selectors.EVENT_READ)
while True:
    for key, dummy in selector.select():
        key.fileobj.accept()[0].close()
