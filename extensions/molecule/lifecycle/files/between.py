# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts a socket in the place of a unit's own, as systemd binds it, and lets a hook look at it.

between.py NAME    the socket is /run/life-NAME/socket, of the unit life-NAME.socket
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys


def main() -> None:
    name = sys.argv[1]
    path = f"/run/life-{name}/socket"
    mode = os.stat(path).st_mode & 0o777
    subprocess.run(["systemctl", "stop", f"life-{name}.socket", f"life-{name}.service"], check=True)
    os.unlink(path)
    # SocketMode= is its mode from the beginning; only the owner and the group come later.
    os.umask(~mode & 0o777)
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(path)
        if (os.stat(path).st_gid, os.stat(path).st_mode & 0o777) != (0, mode):
            sys.exit(f"{path} is not as systemd binds it.")
        bound.listen()
        subprocess.run(["/usr/local/sbin/socket-access", "apply", "--hook", name], check=True)
        if os.stat(path).st_gid == 0:
            sys.exit(f"The hook left {path} to the group root.")


if __name__ == "__main__":
    main()
