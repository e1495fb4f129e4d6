# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs on a test host: makes 20 users and a program that listens on 20 sockets."""

from __future__ import annotations

import subprocess
from pathlib import Path

LISTEN = """
import os, select, socket
os.makedirs("/run/bench", exist_ok=True)
poll = select.poll()
listeners = {}
for number in range(20):
    path = f"/run/bench/{number:02d}.sock"
    if os.path.exists(path):
        os.unlink(path)
    one = socket.socket(socket.AF_UNIX)
    one.bind(path)
    one.listen(128)
    listeners[one.fileno()] = one
    poll.register(one, select.POLLIN)
while True:
    for fd, _ in poll.poll():
        listeners[fd].accept()[0].close()
"""

for number in range(20):
    subprocess.run(["useradd", "-M", "-U", f"bench{number:02d}"], check=True)
Path("/srv/listen.py").write_text(LISTEN)
