# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A daemon with the bad habits of real ones; each connection is accepted and closed.

daemon.py PATH [--umask OCTAL] [--late OCTAL] [--again] [--fight OCTAL] [--mute]

--umask   the umask while the socket is made, if not the one that it was started with
--late    a chmod one second after listen(2), as some daemons do when they have read their settings
--again   SIGHUP makes the socket anew
--fight   a chmod every 100 ms, for ever
--mute    never listens at all
A listening descriptor from systemd is used instead of a socket of its own (sd_listen_fds(3)).
"""

from __future__ import annotations

import argparse
import os
import selectors
import signal
import socket
import time


def octal(text: str) -> int:
    return int(text, 8)


def make(path: str, umask: int | None) -> socket.socket:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
    if umask is not None:
        os.umask(umask)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(1024)
    listener.setblocking(False)
    return listener


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("path")
    parser.add_argument("--umask", type=octal)
    parser.add_argument("--late", type=octal)
    parser.add_argument("--fight", type=octal)
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--mute", action="store_true")
    wanted = parser.parse_args()

    hups: list[int] = []
    signal.signal(signal.SIGHUP, lambda number, frame: hups.append(number))
    waking, woken = socket.socketpair()
    waking.setblocking(False)
    woken.setblocking(False)
    signal.set_wakeup_fd(waking.fileno())

    selector = selectors.DefaultSelector()
    selector.register(woken, selectors.EVENT_READ)
    if os.environ.get("LISTEN_PID") == str(os.getpid()):
        listener = socket.socket(fileno=3)
        listener.setblocking(False)
    elif wanted.mute:
        listener = socket.socket(socket.AF_UNIX)
    else:
        listener = make(wanted.path, wanted.umask)
    if not wanted.mute:
        selector.register(listener, selectors.EVENT_READ)

    chmods = [] if wanted.late is None else [(time.monotonic() + 1, wanted.late)]
    if wanted.fight is not None:
        chmods = [(time.monotonic(), wanted.fight)]
    while True:
        pause = max(0.0, chmods[0][0] - time.monotonic()) if chmods else None
        for key, _events in selector.select(pause):
            if key.fileobj is woken:
                woken.recv(64)
            else:
                try:
                    listener.accept()[0].close()
                except OSError:
                    pass
        if chmods and time.monotonic() >= chmods[0][0]:
            os.chmod(wanted.path, chmods[0][1])
            chmods = [(time.monotonic() + 0.1, wanted.fight)] if wanted.fight is not None else []
        if hups and wanted.again:
            selector.unregister(listener)
            listener.close()
            listener = make(wanted.path, wanted.umask)
            selector.register(listener, selectors.EVENT_READ)
        hups.clear()


if __name__ == "__main__":
    main()
