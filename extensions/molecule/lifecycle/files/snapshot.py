# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All that the collection may touch on a host, as it is now.

snapshot.py take FILE       writes it
snapshot.py compare FILE    prints a line for each difference between the file and now
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import subprocess
import sys

TREES = (
    "/etc",
    "/usr/local",
    "/home/life-carol",
    "/var/lib/socket-access",
    "/run/socket-access",
    "/run/systemd/system",
    "/var/lib/systemd/linger",
)
PROPERTIES = "DropInPaths,Group,SupplementaryGroups,UMask,SocketMode,SocketUser,SocketGroup,Wants"
BESIDE = os.path.dirname(os.path.abspath(__file__))
# Tools of the package passwd keep the last version of what they change (shadow(3), group(5)).
BACKUPS = ("/etc/group-", "/etc/gshadow-")


def inode(path: str) -> dict[str, object]:
    """Type, owner, mode, extended attributes (ACLs are among them) and content."""
    status = os.lstat(path)
    found: dict[str, object] = {
        "owner": f"{status.st_uid}:{status.st_gid}",
        "mode": stat.filemode(status.st_mode),
        "attributes": {
            name: os.getxattr(path, name, follow_symlinks=False).hex()
            for name in os.listxattr(path, follow_symlinks=False)
        },
    }
    if stat.S_ISLNK(status.st_mode):
        found["content"] = os.readlink(path)
    elif stat.S_ISREG(status.st_mode):
        with open(path, "rb") as file:
            found["content"] = hashlib.sha256(file.read()).hexdigest()
    return found


def take() -> dict[str, object]:
    found: dict[str, object] = {}
    for tree in TREES:
        for directory, names, files in os.walk(tree):
            for name in ("", *names, *files):
                path = os.path.join(directory, name).rstrip("/")
                if path not in BACKUPS:
                    found[path] = inode(path)
    with open(f"{BESIDE}/daemons.json", encoding="utf-8") as file:
        daemons = json.load(file)
    for daemon in daemons:
        for path in (os.path.dirname(daemon["path"]), daemon["path"]):
            found[path] = inode(path) if os.path.lexists(path) else None
    for user in sorted({daemon.get("user", "") for daemon in daemons}):
        scope = ["--user", "-M", f"{user}@.host"] if user else []
        units = [daemon["unit"] for daemon in daemons if daemon.get("user", "") == user]
        shown = told(
            "systemctl", *scope, "show", f"--property={PROPERTIES}", *units, "paths.target"
        )
        for unit, block in zip([*units, "paths.target"], shown.split("\n\n")):
            found[f"unit {unit} {user}"] = block
        listed = told(
            "systemctl", *scope, "list-unit-files", "--no-legend", "--state=enabled,linked,masked"
        )
        found[f"enabled units {user}"] = listed
    units = told("systemctl", "list-units", "--all", "--no-legend", "--plain", "socket-access-*")
    found["units of the collection"] = " / ".join(units.splitlines())
    return found


def told(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def differences(before: dict[str, object], now: dict[str, object]) -> list[str]:
    return [
        f"{key}: {before.get(key, 'nothing')} became {now.get(key, 'nothing')}"
        for key in sorted({*before, *now})
        if before.get(key, "nothing") != now.get(key, "nothing")
    ]


def main() -> None:
    if sys.argv[1] == "take":
        with open(sys.argv[2], "w", encoding="utf-8") as file:
            json.dump(take(), file)
    else:
        with open(sys.argv[2], encoding="utf-8") as file:
            for line in differences(json.load(file), take()):
                print(line)


if __name__ == "__main__":
    main()
