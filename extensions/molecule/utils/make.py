# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes and removes groups, users, directories, files and units, all of them in one trip.

A play calls make() or unmake() at the end of this text; tasks/make.yml and tasks/unmake.yml say with what.
"""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import shutil
import socket
import subprocess
import sys
import time
from typing import Any

PATIENCE = 20.0


def run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}: {done.stdout}{done.stderr}")


def is_known(read: Any, name: str) -> bool:
    with contextlib.suppress(KeyError):
        return read(name) is not None
    return False


def make(what: dict[str, Any]) -> None:
    for name in what["groups"]:
        if not is_known(grp.getgrnam, name):
            run("groupadd", name)
    for user in what["users"]:
        make_user(**({"name": user} if isinstance(user, str) else user))
    for directory in what["directories"]:
        path, owner, mode = directory["path"], directory.get("owner"), directory.get("mode", "0755")
        os.makedirs(path, exist_ok=True)
        os.chmod(path, int(mode, 8))
        if owner is not None:
            shutil.chown(path, owner)
    write(what["files"])
    if what["units"]:
        run("systemctl", "daemon-reload")
        run("systemctl", "start", *what["units"])
    deadline = time.monotonic() + PATIENCE
    for path in what["sockets"]:
        while not listens(path):
            if time.monotonic() > deadline:
                sys.exit(f"Nobody listens at {path} after {PATIENCE:.0f} seconds.")
            time.sleep(0.05)


def make_user(
    name: str,
    uid: int | None = None,
    groups: tuple[str, ...] = (),
    home: str | None = None,
    login: bool = False,
    system: bool = True,
) -> None:
    """An account of a daemon, or one of somebody who may log in."""
    if is_known(pwd.getpwnam, name):
        return
    options = [f"--groups={','.join(groups)}"]
    if login:
        options += ["--create-home", "--shell=/bin/sh"]
    else:
        options += ["--no-create-home", "--shell=/usr/sbin/nologin"]
        options += ["--system"] if system else []
    options += [] if uid is None else [f"--uid={uid}"]
    options += [] if home is None else [f"--home-dir={home}"]
    run("useradd", *options, name)


def write(rows: list[list[str]]) -> None:
    """Each row is a name, a place, a mode and the content; a place with a slash at its end is a directory."""
    for name, place, mode, content in rows:
        path = place + os.path.basename(name) if place.endswith("/") else place
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(content)
        os.chmod(path, int(mode, 8))


def listens(path: str) -> bool:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET):
        with socket.socket(socket.AF_UNIX, kind) as client, contextlib.suppress(OSError):
            client.connect(path)
            return True
    return False


def unmake(what: dict[str, Any]) -> None:
    if what["units"]:
        run("systemctl", "stop", *what["units"])
    for path in what["paths"]:
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        elif os.path.lexists(path):
            os.unlink(path)
    run("systemctl", "daemon-reload")
    for name in what["users"]:
        if is_known(pwd.getpwnam, name):
            home = pwd.getpwnam(name).pw_dir
            run("userdel", name)
            if home.startswith("/home/") and os.path.isdir(home):
                shutil.rmtree(home)
    for name in what["groups"]:
        if is_known(grp.getgrnam, name):
            run("groupdel", name)
