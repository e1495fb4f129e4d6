# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One user plays at an endpoint, and another one hears it from the sink.

sound.py tone FILE                    writes half a second of a tone
sound.py play USER DIRECTORY FILE     plays it as USER at DIRECTORY/pipewire-0 while LISTENER listens,
                                      and prints JSON: the player's exit status, what it said, and
                                      the loudest sample that was heard
"""

from __future__ import annotations

import array
import json
import math
import os
import pwd
import signal
import subprocess
import sys
import tempfile
import time
import wave

LISTENER = "quantum"
RATE = 48000
LOUDEST = 20000
SECONDS = 15.0


def tone(path: str) -> None:
    samples = array.array("h")
    for index in range(RATE // 2):
        samples.extend([int(LOUDEST * math.sin(index / 20))] * 2)
    with wave.open(path, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.tobytes())


def loudest(path: str) -> int:
    with open(path, "rb") as file:
        data = file.read()[44:]
    return max(array.array("h", data[: len(data) // 2 * 2]), default=0)


def play(user: str, directory: str, path: str) -> dict[str, object]:
    listener = pwd.getpwnam(LISTENER)
    with tempfile.TemporaryDirectory() as place:
        os.chown(place, listener.pw_uid, listener.pw_gid)
        heard = f"{place}/heard.wav"
        recorder = subprocess.Popen(
            [
                *("runuser", "-u", LISTENER, "--", "pw-cat", "--record", "--target", "silent"),
                *("--format", "s16", "--rate", str(RATE), "--channels", "2"),
                *("--properties", "{ stream.capture.sink = true }", heard),
            ],
            env={"XDG_RUNTIME_DIR": f"/run/user/{listener.pw_uid}", "PATH": "/usr/bin:/usr/sbin"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            deadline = time.monotonic() + SECONDS
            # It records silence until somebody plays.
            while time.monotonic() < deadline and not (
                os.path.exists(heard) and os.path.getsize(heard) > 8192
            ):
                time.sleep(0.05)
            player = subprocess.run(
                [
                    *("timeout", str(SECONDS), "runuser", "-u", user, "--"),
                    *("pw-cat", "--playback", path),
                ],
                env={"PIPEWIRE_RUNTIME_DIR": directory, "PATH": "/usr/bin:/usr/sbin"},
                capture_output=True,
                text=True,
                check=False,
            )
            time.sleep(0.3)
        finally:
            os.killpg(recorder.pid, signal.SIGINT)
            recorder.wait(SECONDS)
        return {
            "status": player.returncode,
            "said": player.stdout + player.stderr,
            "loudest": loudest(heard) if os.path.exists(heard) else None,
        }


if __name__ == "__main__":
    if sys.argv[1] == "tone":
        tone(sys.argv[2])
    else:
        print(json.dumps(play(*sys.argv[2:])))
