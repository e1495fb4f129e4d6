# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is measured, as plays: the policies, the same by loops, and a ping beside each of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

Tasks = list[dict[str, Any]]

HERE = Path(__file__).resolve().parent
# As many users as on_host.py makes, and as many grants as each socket gets.
USERS = 20
PING = {"name": "ping", "ansible.builtin.ping": {}}
# What is changed on a host with systemd wakes the hooks there, which must not slow the next ping. A hook
# that runs is "activating", because its unit is a oneshot; a proxy is "active", and stays so.
RUNNING = "systemctl list-units --no-legend --state=activating 'socket-access-*.service'"
CALM = {
    "name": "calm",
    "ansible.builtin.shell": (
        "for turn in $(seq 100); do sleep 0.3; systemctl list-jobs --no-legend 2>/dev/null | grep -q . || "
        f"{RUNNING} 2>/dev/null | grep -q . || exit 0; done; exit 1"
    ),
    "changed_when": False,
}
PROXYD = "systemd-socket-proxyd"
# Where the module that does nothing finds its answer: in what all hosts share with the controller.
ANSWER = "/srv/bench/answer.json"
# What Ansible adds to the answer of any module is not put there.
PUT = {
    "name": "answer",
    "ansible.builtin.copy": {
        "content": (
            "{{ answered | dict2items | rejectattr('key', 'in', ['failed', 'invocation']) | items2dict "
            "| to_json }}"
        ),
        "dest": ANSWER,
        "mode": "0644",
    },
}


def path(number: int) -> str:
    return f"/run/bench/{number:02d}.sock"


def user(number: int) -> str:
    return f"bench{number:02d}"


def sockets(grants: int) -> int:
    """Return how many sockets that many grants are for."""
    return -(-grants // USERS)


def grants(count: int, first: int = 0) -> dict[str, Any]:
    """Declare grants, each an entry of an access control list, from the ``first`` socket on."""
    declared: dict[str, Any] = {}
    for number in range(count):
        socket, one = divmod(number + first * USERS, USERS)
        called = declared.setdefault(
            f"bench{socket:02d}", {"path": path(socket), "mode": "0660", "allow": []}
        )
        called["allow"].append({"user": user(one), "method": "acl"})
    return declared


def by_method(method: str, count: int) -> dict[str, Any]:
    """Declare one client for each of some sockets, all by one method."""
    keys: dict[str, Any] = {"method": method}
    declared = {}
    for number in range(count):
        own = {"user": user(number), **keys}
        if method != "group":
            own["at"] = at(method, number)
        if method == "proxy":
            own |= {"engine": PROXYD, "run_as": user(USERS - 1)}
        declared[f"bench{number:02d}"] = {"path": path(number), "allow": [own]}
        if method != "proxy":
            declared[f"bench{number:02d}"]["mode"] = "0660"
    return declared


def at(method: str, number: int) -> str:
    return (
        f"/srv/{number:02d}/{method}.sock" if method == "bind_mount" else f"/srv/{number:02d}.sock"
    )


def policy(name: str, declared: dict[str, Any], **options: Any) -> dict[str, Any]:
    return {"name": name, "unixsocket.access.socket_policy": {"sockets": declared, **options}}


def floor(name: str, declared: dict[str, Any], **options: Any) -> dict[str, Any]:
    """The same options for the module that does nothing."""
    return {"name": name, "bench_floor": {"sockets": declared, **options}}


def packing() -> Tasks:
    """The first task of a run of ansible-playbook packs its module; the next one finds it packed."""
    nothing = grants(1)
    return [
        {**PING, "name": "ping, packed"},
        PING,
        policy("policy, packed", nothing, state="absent"),
        policy("policy", nothing, state="absent"),
    ]


def runs(
    label: str,
    declared: dict[str, Any],
    proofs: tuple[bool, ...],
    floor_options: dict[str, Any] | None = None,
) -> Tasks:
    """A first and a second run, each right after a ping on a calm host, and then all given back.

    With options for the floor, what the first run answered is put on the host, and when all is given back
    the module that does nothing answers it: where units watch sockets, systemd takes longer to read its
    units than in a first run. A second run and that module wake no hook.
    """
    tasks: Tasks = []
    for prove in proofs:
        how = "proven" if prove else "not proven"
        first = policy(f"{label}, first, {how}", declared, prove=prove)
        put = [] if floor_options is None else [PUT]
        if floor_options is not None:
            first["register"] = "answered"
        tasks += [CALM, PING, first, *put, CALM, PING]
        tasks += [policy(f"{label}, second, {how}", declared, prove=prove), PING]
        tasks.append(policy("give back", declared, state="absent"))
        if floor_options is not None:
            least = floor(f"{label}, floor, {how}", declared, prove=prove, **floor_options)
            tasks += [CALM, PING, least, PING]
    return tasks


def count(command: str, wanted: int) -> dict[str, Any]:
    """Look with another tool whether the host is what it should be."""
    return {
        "name": f"count {wanted}",
        "ansible.builtin.shell": command,
        "register": "counted",
        "changed_when": False,
        "failed_when": f"counted.stdout | int != {wanted}",
    }


ENTRIES = "getfacl --absolute-names /run/bench/*.sock | grep -c '^user:bench.*:rw-$'"
RESET = {
    "name": "reset",
    "ansible.builtin.shell": "setfacl -b /run/bench/*.sock; chmod 0666 /run/bench/*.sock",
    "changed_when": True,
}


def entry_loops(sizes: list[int]) -> Tasks:
    """The same grants by loops: each size adds what the one before it lacks."""
    tasks: Tasks = [RESET, PING]
    done = 0
    for size in sizes:
        paths = [path(number) for number in range(sockets(done), sockets(size))]
        if paths:
            tasks += loop(
                f"loop {size}, file", "ansible.builtin.file", {"path": "", "mode": "0660"}, paths
            )
        pairs = [divmod(number, USERS) for number in range(done, size)]
        items = [{"path": path(socket), "user": user(one)} for socket, one in pairs]
        tasks += loop(
            f"loop {size}, acl",
            "ansible.posix.acl",
            {
                "path": "{{ item.path }}",
                "entity": "{{ item.user }}",
                "etype": "user",
                "permissions": "rw",
                "state": "present",
            },
            items,
        )
        tasks.append(count(ENTRIES, size))
        done = size
    return tasks


def loop(name: str, module: str, options: dict[str, Any], items: list[Any]) -> Tasks:
    """A loop over items, and a ping after it; an option without a value is the item."""
    filled = {key: value or "{{ item }}" for key, value in options.items()}
    return [{"name": name, module: filled, "loop": items}, PING]


def method_loops(method: str, number: int) -> Tasks:
    """The same by loops as ``by_method``, and how many of it are in effect."""
    items = [
        {
            "path": path(one),
            "user": user(one),
            "at": at(method, one),
            "directory": str(Path(at(method, one)).parent),
            "unit": f"way-{one:02d}",
            "runs_as": user(USERS - 1),
        }
        for one in range(number)
    ]
    makers = {"group": _group_loops, "bind_mount": _mount_loops, "proxy": _proxy_loops}
    return [PING, *makers[method](items)]


def _group_loops(items: list[Any]) -> Tasks:
    options = {"path": "{{ item.path }}", "group": "{{ item.user }}", "mode": "0660"}
    return [
        *loop("loop, file", "ansible.builtin.file", options, items),
        count("stat -c %G%a /run/bench/*.sock | grep -c '^bench.*660$'", len(items)),
    ]


def _mount_loops(items: list[Any]) -> Tasks:
    mode = {"path": "{{ item.path }}", "mode": "0660"}
    entry = {"etype": "user", "entity": "{{ item.user }}", "state": "present"}
    directory = {"path": "{{ item.directory }}", "state": "directory", "mode": "0700"}
    # ansible.posix.mount would make a directory to mount on.
    target = {"dest": "{{ item.at }}", "content": "", "mode": "0000"}
    mount = {
        "path": "{{ item.at }}",
        "src": "{{ item.path }}",
        "fstype": "none",
        "opts": "bind",
        "state": "mounted",
    }
    return [
        *loop("loop, file", "ansible.builtin.file", mode, items),
        *loop(
            "loop, acl",
            "ansible.posix.acl",
            {"path": "{{ item.path }}", "permissions": "rw", **entry},
            items,
        ),
        *loop("loop, directory", "ansible.builtin.file", directory, items),
        *loop(
            "loop, acl of the directory",
            "ansible.posix.acl",
            {"path": "{{ item.directory }}", "permissions": "x", **entry},
            items,
        ),
        *loop("loop, copy", "ansible.builtin.copy", target, items),
        *loop("loop, mount", "ansible.posix.mount", mount, items),
        count("grep -c '/bind_mount.sock ' /proc/self/mountinfo", len(items)),
    ]


def _proxy_loops(items: list[Any]) -> Tasks:
    tasks: Tasks = []
    for kind in ("service", "socket"):
        template = {
            "src": f"{HERE}/templates/proxy.{kind}.j2",
            "dest": f"/etc/systemd/system/{{{{ item.unit }}}}.{kind}",
            "mode": "0644",
        }
        tasks += loop(f"loop, template {kind}", "ansible.builtin.template", template, items)
    unit = {
        "name": "{{ item.unit }}.socket",
        "enabled": True,
        "state": "started",
        "daemon_reload": True,
    }
    return [
        *tasks,
        *loop("loop, systemd_service", "ansible.builtin.systemd_service", unit, items),
        count("systemctl list-sockets --no-legend 'way-*.socket' | wc -l", len(items)),
    ]
