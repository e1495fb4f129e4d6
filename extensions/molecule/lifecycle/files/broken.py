# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs on a host whose disk is full or read-only; needs the right to mount.

broken.py SNAPSHOT    prints JSON: what each run said, and "problems" in sentences
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

import runs

NAMES = ["closed", "socket-acl"]
FULL = ("/var/lib/socket-access", "/etc/systemd/system", "/etc/socket-access", "/usr/local")


def shell(script: str) -> None:
    subprocess.run(["sh", "-euc", script], check=True)


def fill(path: str) -> None:
    """Put a full file system with the same content over a directory."""
    shell(f"""
        mkdir -p {path} /var/lib/life/copy
        mount -t tmpfs -o mode=0755,size=8m tmpfs /var/lib/life/copy
        cp -a {path}/. /var/lib/life/copy/
        mount --bind /var/lib/life/copy {path}
        umount /var/lib/life/copy
        rmdir /var/lib/life/copy
        dd if=/dev/zero of={path}/.filler bs=4096 2>/dev/null || true
    """)


def attempt(where: str, path: str, snapshot: str, wanted: str) -> tuple[str, list[str]]:
    said = runs.finish(runs.start(NAMES, absent=False))
    problems = []
    if not said:
        problems.append(f"{where}: the run says that all went well.")
    elif "Traceback" in said or wanted not in said:
        problems.append(f"{where}: the run says: {said}")
    now = [
        one for one in runs.left(snapshot) if not one.startswith((f"{path}/.filler:", f"{path}: "))
    ]
    problems += [f"{where}: left: {one}" for one in now]
    return said, problems


def main() -> None:
    runs.load()
    snapshot = sys.argv[1]
    said, problems = {}, []
    for path in FULL:
        made = not os.path.isdir(path)
        fill(path)
        said[f"full {path}"], wrong = attempt(
            f"full {path}", path, snapshot, "No space left on device"
        )
        problems += wrong
        shell(f"umount {path}")
        if made:
            shell(f"rmdir {path}")
    shell("mount --rbind /etc /etc && mount -o remount,bind,ro /etc")
    said["read-only /etc"], wrong = attempt(
        "read-only /etc", "/etc", snapshot, "Read-only file system"
    )
    problems += wrong
    shell("umount --recursive /etc")
    problems += [f"at the end: {one}" for one in runs.left(snapshot)]
    print(json.dumps({"said": said, "problems": problems}))


if __name__ == "__main__":
    main()
