# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Prints the play: what is measured, each thing right after a ping.

play.py ROUNDS LOOP WITH WITHOUT PIPELINING
"""

from __future__ import annotations

import json
import sys
from typing import Any

ROUNDS, LOOP = int(sys.argv[1]), int(sys.argv[2])
HOSTS, PIPELINING = sys.argv[3:5], sys.argv[5] == "true"

USERS = [f"bench{number:02d}" for number in range(20)]
PATHS = [f"/run/bench/{number:02d}.sock" for number in range(20)]
SOCKETS = {
    f"bench{number:02d}": {"path": path, "allow": [{"user": user} for user in USERS]}
    for number, path in enumerate(PATHS)
}


def policy(name: str, **options: Any) -> dict[str, Any]:
    return {"name": name, "unixsocket.access.socket_policy": {"sockets": SOCKETS, **options}}


PING = {"name": "ping", "ansible.builtin.ping": {}}
# What is changed on a host with systemd wakes the hooks there, which must not slow the next ping.
RUNNING = "systemctl list-units --no-legend --state=active,activating 'socket-access-*.service'"
CALM = {
    "name": "calm",
    "ansible.builtin.shell": (
        "while systemctl list-jobs --no-legend 2>/dev/null | grep -q . || "
        f"{RUNNING} 2>/dev/null | grep -q .; do sleep 0.5; done; sleep 1"
    ),
    "changed_when": False,
}
BACK = policy("give back", state="absent")


def one_round() -> list[dict[str, Any]]:
    """Each thing has a ping before and after it, so that both meet the same load."""
    tasks = []
    for measured in (
        policy("first run, not proven", prove=False),
        policy("second run, not proven", prove=False),
        BACK,
        policy("first run, proven"),
        policy("second run, proven"),
        BACK,
    ):
        tasks += [CALM, PING, measured]
    return tasks


def entries(count: int) -> list[dict[str, Any]]:
    items = [{"path": path, "user": user} for path in PATHS for user in USERS][:count]
    options = {
        "path": "{{ item.path }}",
        "entity": "{{ item.user }}",
        "etype": "user",
        "permissions": "rw",
        "state": "present",
    }
    loop = {"name": "ansible.posix.acl", "ansible.posix.acl": options, "loop": items}
    return [PING, loop, PING] if count else []


common = {"gather_facts": False, "vars": {"ansible_pipelining": PIPELINING}}
# One host at a time: they would slow each other down.
plays = [
    {"name": host, "hosts": host, **common, "tasks": [PING, *(ROUNDS * one_round()), CALM, PING]}
    for host in HOSTS
]
plays.append({"name": "loop", "hosts": HOSTS[1], **common, "tasks": entries(LOOP)})
json.dump(plays, sys.stdout)
