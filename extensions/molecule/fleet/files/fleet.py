# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All that a host of the fleet goes through, each step in one trip, without any code of the collection.

fleet.py UNIT SOCKET ACT...

UNIT is the daemon of this host, SOCKET its socket. The acts are done one after the other:

make        creates the users, and starts the daemon and the agent
keep=NAME   keeps what the host is now, by that name
look        prints JSON: who can connect where, and by name what is not any more as it was kept
break       writes a line into fstab that does not parse
mend        takes it out again
drift       somebody's work: what keeps the daemon's socket goes, and everyone gets in
restart     starts the daemon anew, which makes its socket anew
"""

from __future__ import annotations

import glob
import json
import os
import subprocess
import sys
import time
from typing import Any

import access
import connect

USERS = ("app", "monitor", "batch", "newcomer", "visitor")
RUNTIME = "/run/user/1000"
AGENT = f"{RUNTIME}/agent.sock"
ENDPOINTS = ("/srv/agent/agent.sock", "/srv/late/agent.sock")
FSTAB, WRONG = "/etc/fstab", "/dev/backup /mnt/backup\n"
KEPT = "/opt/fleet-"
PATIENCE = 30.0


def run(*command: str) -> None:
    subprocess.run(command, check=True, stdout=sys.stderr)


def make(unit: str, path: str) -> None:
    run("useradd", "--uid=1000", "--create-home", "--shell=/bin/sh", "quantum")
    for name in USERS:
        run("useradd", "--system", "--no-create-home", "--shell=/usr/sbin/nologin", name)
    # Wherever the manager of a user starts, and only quantum's does.
    os.makedirs("/etc/systemd/user/sockets.target.wants")
    wanted = "/etc/systemd/user/fleet-agent.socket"
    os.symlink(wanted, "/etc/systemd/user/sockets.target.wants/fleet-agent.socket")
    run("systemctl", "daemon-reload")
    run("loginctl", "enable-linger", "quantum")
    run("systemctl", "--quiet", "enable", "--now", unit)
    deadline = time.monotonic() + PATIENCE
    for one in (AGENT, path):
        while not os.path.exists(one):
            if time.monotonic() > deadline:
                sys.exit(f"{one} did not come.")
            time.sleep(0.1)


def state(path: str) -> dict[str, object]:
    """What the host is, as far as the collection could have changed it."""
    ours = ["systemctl", "list-units", "--all", "--plain", "--no-legend", "socket-access*", "srv-*"]
    agents = ["systemctl", "--user", "--machine=quantum@.host", "show"]
    agents += ["--property=Id,DropInPaths,Wants", "fleet-agent.socket", "paths.target"]
    targets = "findmnt --noheadings --list --output=TARGET | grep -v ^/run/credentials | sort"
    seen: dict[str, Any] = access.host(
        {
            "show": [os.path.dirname(path), path, RUNTIME, AGENT, *ENDPOINTS],
            "trees": ["/etc", "/usr/local", "/srv", "/home", "/var/lib/socket-access"],
            "commands": {"units": ours, "agents": agents, "mounts": ["sh", "-c", targets]},
        }
    )
    sockets, files = seen.pop("sockets"), seen.pop("files")
    for one in sockets.values():
        # The links of a directory are the directories in it.
        if one is not None and one["kind"] == "d":
            del one["links"]
    found: dict[str, object] = json.loads(json.dumps({**sockets, **files, **seen}))
    return found


def keep(path: str, name: str) -> None:
    with open(f"{KEPT}{name}.json", "w", encoding="utf-8") as file:
        json.dump(state(path), file)


def look(path: str) -> dict[str, object]:
    now = state(path)
    changed = {}
    for kept in glob.glob(f"{KEPT}*.json"):
        with open(kept, encoding="utf-8") as file:
            before = json.load(file)
        changed[kept[len(KEPT) : -len(".json")]] = sorted(
            key for key in {*before, *now} if before.get(key) != now.get(key)
        )
    return {"who": who(("daemon", path), ("agent", AGENT), *ends()), "changed": changed}


def ends() -> list[tuple[str, str]]:
    return [(path.split("/")[2] + " endpoint", path) for path in ENDPOINTS]


def who(*named: tuple[str, str]) -> dict[str, list[str]]:
    """Return the users whom connect(2) lets in, by the name of the path."""
    users = (*USERS, "nobody")
    said = {user: connect.everywhere(user, [path for dummy, path in named]) for user in users}
    return {
        name: [user for user in users if said[user][path] == connect.CONNECTED]
        for name, path in named
    }


def change_fstab(old: str, new: str) -> None:
    with open(FSTAB, encoding="utf-8") as file:
        text = file.read()
    with open(FSTAB, "w", encoding="utf-8") as file:
        file.write(text.replace(old, new, 1))


def drift(unit: str, path: str) -> None:
    (drop_in,) = glob.glob(f"/etc/systemd/system/{unit}.d/50-socket-access-*.conf")
    name = os.path.basename(drop_in)[len("50-socket-access-") : -len(".conf")]
    os.unlink(drop_in)
    run("systemctl", "daemon-reload")
    # While this one runs, it closes the socket again at once.
    run("systemctl", "stop", f"socket-access-{name}.path")
    os.chmod(path, 0o777)


def main(unit: str, path: str, *acts: str) -> None:
    for act in acts:
        name, dummy, argument = act.partition("=")
        if name == "make":
            make(unit, path)
        elif name == "keep":
            keep(path, argument)
        elif name == "look":
            print(json.dumps(look(path)))
        elif name == "break":
            change_fstab("\n", "\n" + WRONG)
        elif name == "mend":
            change_fstab(WRONG, "")
        elif name == "drift":
            drift(unit, path)
        elif name == "restart":
            run("systemctl", "restart", unit)
        else:
            sys.exit(f"There is no act {name}.")


if __name__ == "__main__":
    main(*sys.argv[1:])
