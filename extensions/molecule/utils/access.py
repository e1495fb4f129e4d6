# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The access of inodes for the scenarios, told and planted without any code of the collection.

Plays hand it to python3 on standard input, which takes one trip to the host instead of four.

access.py show PATH...      prints JSON: owner, group, mode, links and ACL of each path
access.py tree PATH...      prints JSON: owner, group, mode, ACL and content of every file below each path
access.py host JSON         prints JSON: "sockets", shown as above, of the paths in JSON's "show",
                            "files", the trees of those in "trees", and the lines that each of its
                            "commands" prints, by name
access.py keep FILE JSON    keeps in the file what "host" would print
access.py same FILE JSON    fails where that has changed since, and prints what it was and what it is
access.py plant PATH ACL    sets an ACL in the short form of setfacl(1): u::rw,u:eve:rw,g::-,m::rw,o::-
"""

from __future__ import annotations

import errno
import grp
import hashlib
import json
import os
import pwd
import stat
import struct
import subprocess
import sys
from typing import Any

XATTR = "system.posix_acl_access"
# acl(5) as Linux keeps it: version 2, then tag, permissions and id of each entry.
TAGS = {("u", False): 1, ("u", True): 2, ("g", False): 4, ("g", True): 8, ("m", False): 16}
TAGS["o", False] = 32
NO_ID = 0xFFFFFFFF


def show(path: str) -> dict[str, object] | None:
    """What stat(2) and the extended attribute say; None where nothing is."""
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return None
    return {
        "owner": pwd.getpwuid(status.st_uid).pw_name,
        "group": grp.getgrgid(status.st_gid).gr_name,
        "mode": f"{stat.S_IMODE(status.st_mode):04o}",
        "kind": stat.filemode(status.st_mode)[0],
        "links": status.st_nlink,
        "acl": None if stat.S_ISLNK(status.st_mode) else acl(path),
    }


def acl(path: str) -> list[str] | None:
    """The entries in the short form, in the kernel's order; None without an extended ACL."""
    try:
        data = os.getxattr(path, XATTR, follow_symlinks=False)
    except OSError as error:
        if error.errno == errno.ENODATA:
            return None
        raise
    letters = {number: key for key, number in TAGS.items()}
    entries = []
    for tag, permissions, number in struct.iter_unpack("<HHI", data[4:]):
        letter, named = letters[tag]
        name = ""
        if named:
            name = pwd.getpwuid(number).pw_name if letter == "u" else grp.getgrgid(number).gr_name
        shown = "".join(x if permissions & y else "-" for x, y in (("r", 4), ("w", 2), ("x", 1)))
        entries.append(f"{letter}:{name}:{shown}")
    return entries


def tree(top: str) -> dict[str, list[object]]:
    """Every file below a directory, less the backups that gpasswd(1) and its like keep."""
    found = {}
    for directory, names, files in os.walk(top):
        for name in (*names, *files):
            path = os.path.join(directory, name)
            status = os.lstat(path)
            content: object = None
            if stat.S_ISLNK(status.st_mode):
                content = os.readlink(path)
            elif stat.S_ISREG(status.st_mode):
                with open(path, "rb") as file:
                    content = hashlib.sha256(file.read()).hexdigest()
            entries = None if stat.S_ISLNK(status.st_mode) else acl(path)
            row = [status.st_uid, status.st_gid, stat.filemode(status.st_mode), entries, content]
            if not path.endswith("-"):
                found[path] = row
    return found


def host(what: dict[str, Any]) -> dict[str, object]:
    """All of it at once; a command that fails ends it."""
    return {
        "sockets": {path: show(path) for path in what["show"]},
        "files": {path: row for top in what["trees"] for path, row in tree(top).items()},
        **{name: lines(command) for name, command in what["commands"].items()},
    }


def changed(file: str, what: dict[str, Any]) -> dict[str, list[object]]:
    """What is not as it was kept; only of what is looked at now."""
    with open(file, encoding="utf-8") as kept:
        before = json.load(kept)
    now = json.loads(json.dumps(host(what)))
    if not what["trees"]:
        before["files"] = {}
    before["sockets"] = {path: before["sockets"].get(path) for path in now["sockets"]}
    found = {}
    for part in now:
        old, new = before[part], now[part]
        if isinstance(new, dict):
            for key in sorted({*old, *new}):
                if old.get(key) != new.get(key):
                    found[key] = [old.get(key), new.get(key)]
        elif old != new:
            found[part] = [old, new]
    return found


def lines(command: list[str]) -> list[str]:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


def plant(path: str, text: str) -> None:
    """Write an ACL, whatever it is worth."""
    data = struct.pack("<I", 2)
    rows = []
    for entry in text.split(","):
        letter, name, shown = entry.split(":")
        number = NO_ID
        if name:
            number = pwd.getpwnam(name).pw_uid if letter == "u" else grp.getgrnam(name).gr_gid
        permissions = sum({"r": 4, "w": 2, "x": 1, "-": 0}[one] for one in shown)
        rows.append((TAGS[letter, bool(name)], permissions, number))
    for row in sorted(rows, key=lambda one: (one[0], one[2])):
        data += struct.pack("<HHI", *row)
    os.setxattr(path, XATTR, data, follow_symlinks=False)


if __name__ == "__main__":
    if sys.argv[1] == "plant":
        plant(sys.argv[2], sys.argv[3])
    elif sys.argv[1] == "tree":
        print(json.dumps({path: row for top in sys.argv[2:] for path, row in tree(top).items()}))
    elif sys.argv[1] == "host":
        print(json.dumps(host(json.loads(sys.argv[2]))))
    elif sys.argv[1] == "keep":
        with open(sys.argv[2], "w", encoding="utf-8") as place:
            json.dump(host(json.loads(sys.argv[3])), place)
    elif sys.argv[1] == "same":
        difference = changed(sys.argv[2], json.loads(sys.argv[3]))
        print(json.dumps(difference, indent=1))
        sys.exit(bool(difference))
    else:
        print(json.dumps({path: show(path) for path in sys.argv[2:]}))
