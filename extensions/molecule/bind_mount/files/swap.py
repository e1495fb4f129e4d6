# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The owner of a directory puts a link in the place of a socket and takes it away, as fast as he can.

swap.py OWNER SOURCE SECRET ENDPOINT SECONDS COMMAND...

The link leads to the secret. All the while root runs the command again and again, which is to mount
the socket, and looks what is at the endpoint. Prints JSON: how often which was done, what was seen
there how often, and how many different sockets.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import socket
import stat
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable

import connect

# For how long it is a link, and for how long a socket that may be mounted, in seconds: the latter
# grows with each swap, so that every moment of a run is hit, and some runs can mount.
LINK, OWN, LONGEST = 0.004, 0.02, 0.8


PAUSES = itertools.cycle([OWN * index for index in range(int(LONGEST / OWN))])


def count(does: Callable[[], str], ends: connect.Ends) -> dict[str, int]:
    counts: Counter[str] = Counter()
    while not ends():
        counts[does()] += 1
    return counts


def swap(source: str, link: str) -> str:
    """Have a link there, and then a socket of one's own that everyone may connect to."""
    new = f"{source}.new"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(new)
    os.symlink(link, new)
    os.rename(new, source)
    time.sleep(LINK)
    with socket.socket(socket.AF_UNIX) as own:
        # Born with the mode (unix(7)) that systemd gives to PipeWire's.
        os.fchmod(own.fileno(), 0o666)
        own.bind(new)
        own.listen()
        os.rename(new, source)
        time.sleep(next(PAUSES))
    return "swapped"


def look(endpoint: str, secret: os.stat_result) -> str:
    found = os.stat(endpoint)
    if (found.st_dev, found.st_ino) == (secret.st_dev, secret.st_ino):
        return "the secret"
    time.sleep(0.0005)
    return f"socket {found.st_ino}" if stat.S_ISSOCK(found.st_mode) else "nothing"


def main(owner: str, source: str, link: str, endpoint: str, *rest: str) -> None:
    seconds, *command = rest
    secret = os.stat(link)
    os.umask(0)
    attacker = connect.Process(owner, lambda ends: count(lambda: swap(source, link), ends))
    watcher = connect.Process("root", lambda ends: count(lambda: look(endpoint, secret), ends))
    deadline = time.monotonic() + float(seconds)
    runs: Counter[str] = Counter()
    said: Counter[str] = Counter()
    while time.monotonic() < deadline:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        runs[f"ended with {done.returncode}"] += 1
        said[done.stderr.strip().rpartition("\n")[2][:200]] += 1
    attacker.end()
    swapped = attacker.result()
    watcher.end()
    seen = watcher.result()
    kinds: Counter[str] = Counter()
    for name, times in seen.items():
        kinds[name.partition(" ")[0] if name.startswith("socket ") else name] += times
    sockets = sum(name.startswith("socket ") for name in seen)
    print(
        json.dumps(
            {"runs": runs, "owner": swapped, "seen": kinds, "sockets": sockets, "said": said}
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
