# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs declarations on a host as its own Python does: check, real, again, check again, undone.

Copied to a host and run there with a list of declarations on standard input; prints, for each of
them, how each run went.  Whom and what a declaration names is made first, for an example has no
host of its own: accounts, units, directories, and somebody who listens.
"""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, "/opt/examples")

from _engine.errors import AccessError
from _engine.policy import PolicyError, validate
from _engine.run import converge
from _engine.task import Options, Task

RUNS = {
    "check": Options(check=True),
    "real": Options(),
    "again": Options(),
    "check again": Options(check=True),
    "undone": Options(absent=True),
}
_ABSENT = r" .*does not exist"
ACCOUNT = re.compile(r"(?P<kind>User|Group) (?P<name>[^\s,]+)," + _ABSENT)
UNIT = re.compile(r"The unit (?P<name>[^\s,]+)," + _ABSENT)
DIRECTORY = re.compile(r"The directory (?P<name>/\S+) of the endpoint" + _ABSENT)
COMMAND = re.compile(r"The command (?P<name>/\S+)," + _ABSENT)
# Directories of Debian's daemons: their account, and the mode of their sockets.
DAEMONS = {
    "/run/redis": ("redis", 0o660),
    "/run/postgresql": ("postgres", 0o777),
    "/run/php": ("root", 0o660),
}
listening: dict[str, socket.socket] = {}


def run(sockets: dict[str, Any], options: Options) -> tuple[str, list[str]]:
    """Run a declaration once; return what became of it, and what was said."""
    tasks = [Task(one, f"policy:{one.name}") for one in validate(sockets).sockets]
    try:
        result = converge(tasks, options)
    except (AccessError, PolicyError) as error:
        return "refused", str(error).splitlines()
    return "changed" if result.changed else "unchanged", result.warnings


def listen(sockets: dict[str, Any]) -> None:
    """Be the daemon of each socket that has none of ours."""
    for declared in sockets.values():
        path = declared.get("path")
        if path is None or path in listening or "serve" in declared:
            continue
        if "unit_user" in declared:
            log_in(declared["unit_user"], path.split("/")[3])
            unit = Path("/etc/systemd/user", declared["unit"])
            unit.write_text(f"[Socket]\nListenStream={path}\n", encoding="utf-8")
        directory = Path(path).parent
        if not directory.is_dir():
            directory.mkdir(parents=True)
            shutil.chown(directory, directory.parent.owner(), directory.parent.group())
        account, mode = DAEMONS.get(str(directory), (directory.owner(), 0o660))
        shutil.chown(directory, account, account)
        kind = declared.get("type", "stream")
        listening[path] = socket.socket(
            socket.AF_UNIX,
            socket.SOCK_SEQPACKET if kind == "seqpacket" else socket.SOCK_STREAM,
        )
        listening[path].bind(path)
        listening[path].listen(4096)
        shutil.chown(path, account, account)
        Path(path).chmod(mode)


def log_in(user: str, uid: str) -> None:
    """Make a user with a manager of its own that runs."""
    subprocess.run(["useradd", "--create-home", "--uid", uid, user], check=True)
    subprocess.run(["loginctl", "enable-linger", user], check=True)
    subprocess.run(["systemctl", "start", f"user@{uid}.service"], check=True)


def make(said: str) -> None:
    """Make what check mode missed."""
    missed = sorted(set(said.splitlines()))
    accounts = filter(None, map(ACCOUNT.match, missed))
    for kind, name in {(found["kind"], found["name"]) for found in accounts}:
        subprocess.run([f"{kind.lower()}add", name], check=True)
    for found in filter(None, map(DIRECTORY.match, missed)):
        Path(found["name"]).mkdir(parents=True, exist_ok=True)
    for found in filter(None, map(COMMAND.match, missed)):
        Path(found["name"]).write_text("#!/bin/cat\n", encoding="utf-8")
        Path(found["name"]).chmod(0o755)
    units = list(filter(None, map(UNIT.match, missed)))
    for found in units:
        unit = Path("/etc/systemd/system", found["name"])
        unit.write_text("[Service]\nExecStart=/usr/bin/sleep infinity\n", encoding="utf-8")
    if units:
        subprocess.run(["systemctl", "daemon-reload"], check=True)


def main() -> None:
    """Answer for each declaration."""
    answers = []
    for sockets in json.load(sys.stdin):
        listen(sockets)
        # On a host that has nothing of it; what is missed first hides what is missed after it.
        fresh = look = run(sockets, Options(check=True))
        while look[1]:
            make("\n".join(look[1]))
            before, look = look, run(sockets, Options(check=True))
            if look == before:
                break
        runs = {name: run(sockets, options) for name, options in RUNS.items()}
        answers.append({"fresh": fresh, **runs})
    json.dump(answers, sys.stdout)


main()
