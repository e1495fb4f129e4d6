# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What everyone has of the sound, told without any code of the collection.

state.py PATIENCE CLIENT:DIRECTORY... -- OTHER...

Waits so many seconds until each client can connect in its directory; then prints JSON: what each user
gets at every socket, what the clients play, and how PipeWire answers them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import access
import connect
import sound

RUNTIME = "/run/user/1000"
CLOSED = ("pipewire-0", "pipewire-0-manager", "openssh_agent", "bus")


def asked(user: str, directory: str) -> str:
    done = subprocess.run(
        ["runuser", "-u", user, "--", "timeout", "10", "pw-cli", "info", "0"],
        env={"PIPEWIRE_RUNTIME_DIR": directory, "PATH": "/usr/bin:/usr/sbin"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout if done.returncode == 0 else f"ended with {done.returncode}"


def main(patience: str, *rest: str) -> dict[str, object]:
    split = rest.index("--")
    places = dict(place.split(":") for place in rest[:split])
    ends = [f"{directory}/pipewire-0" for directory in places.values()]
    deadline = time.monotonic() + float(patience)
    while time.monotonic() < deadline and not all(
        connect.everywhere(user, [path])[path] == connect.CONNECTED
        for user, path in zip(places, ends)
    ):
        time.sleep(0.2)
    questions = [
        (user, directory) for user in (*places, "visitor") for directory in places.values()
    ]
    closed = [path for name in CLOSED if os.path.exists(path := f"{RUNTIME}/{name}")]
    with open("/proc/self/mountinfo", encoding="utf-8") as table:
        mounted = [line.split()[3:5] for line in table if "pipewire-0" in line or "/srv/" in line]
    # Most of it is waiting.
    with ThreadPoolExecutor(len(questions)) as pool:
        answers = list(pool.map(lambda question: asked(*question), questions))
    return {
        "connects": {
            user: connect.everywhere(user, ends + closed) for user in (*places, *rest[split + 1 :])
        },
        "closed": closed,
        "played": {
            user: sound.play(user, directory, "/opt/molecule-bind-mount/tone.wav")
            for user, directory in places.items()
        },
        "asked": {
            f"{user} in {directory}": answer
            for (user, directory), answer in zip(questions, answers)
        },
        "mounted": mounted,
        "shown": {
            path: access.show(path) for path in (RUNTIME, f"{RUNTIME}/pipewire-0", *places.values())
        },
        "listed": {directory: os.listdir(directory) for directory in places.values()},
    }


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
