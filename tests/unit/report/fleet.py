# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet on paper: what Ansible registers for hosts like those of a real one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ansible_collections.unixsocket.access.plugins.plugin_utils import _report

GENERATED = "2026-11-21T12:00:00Z"

Json = dict[str, Any]


def socket(path: str, /, **keys: Any) -> Json:
    """Return a socket as socket_info does; everything but the path can be left as it is here."""
    abstract = path.startswith("@")
    found: Json = {
        "socket": path,
        "path": None if abstract else path,
        "bound": path,
        "note": None,
        "abstract": abstract,
        "listening": True,
        "type": "stream",
        "device": None if abstract else 25,
        "inode": None if abstract else 1000 + sum(path.encode("utf-8", "surrogateescape")),
        "owner": None if abstract else "root",
        "group": None if abstract else "root",
        "mode": None if abstract else "0600",
        "acl": None,
        "closed_by": [],
        "mounted_at": [],
        "unit": "some.service",
        "unit_user": None,
        "processes": [process(312)],
        "connections": 0,
        "connected": [],
        "reach": None if abstract else reach("root"),
        "root": True,
        "powerful": None,
        "by_design": None,
        "managed_by": [],
    }
    unknown = keys.keys() - found.keys()
    if unknown:
        raise AssertionError(f"socket_info returns no {unknown}")
    return {**found, **keys}


def process(pid: int, user: str = "root") -> Json:
    return {
        "pid": pid,
        "name": "somed",
        "exe": "/usr/sbin/somed",
        "user": user,
        "unit": "some.service",
        "unit_user": None,
    }


def reach(*users: str, groups: Sequence[str] = (), reason: str = "No entry matches.") -> Json:
    return {
        "everyone": False,
        "users": list(users),
        "groups": list(groups),
        "refused_users": [],
        "refused_groups": [],
        "reason": reason,
    }


def everyone(*refused: str) -> Json:
    return {**reach(reason="Others may write."), "everyone": True, "refused_users": list(refused)}


def finding(kind: str, severity: str, path: str, **keys: str) -> Json:
    return {
        "id": kind,
        "severity": severity,
        "socket": path,
        "message": f"Something is wrong with {path}.",
        "remedy": f"Put {path} right.",
        **keys,
    }


def info(sockets: Sequence[Json], findings: Sequence[Json] = (), **keys: Any) -> Json:
    """Return a registered result of socket_info."""
    return {
        "changed": False,
        "failed": False,
        "format": 1,
        "sockets": list(sockets),
        "findings": list(findings),
        "unseen": [],
        **keys,
    }


def grant(principal: str, endpoint: str, method: str = "acl", **keys: Any) -> Json:
    return {
        "principal": principal,
        "method": method,
        "reason": f"An entry for {principal} alone gives nothing to anyone else.",
        "rejected": [{"method": "group", "reason": "A socket has one group."}],
        "endpoint": endpoint,
        "expires": None,
        "proof": None,
        **keys,
    }


def policy(*sockets: Json, changes: Sequence[str] = ()) -> Json:
    """Return a registered result of socket_policy in check mode."""
    return {
        "changed": False,
        "failed": False,
        "changes": list(changes),
        "diff": {"before": "", "after": ""},
        "sockets": {one["name"]: one for one in sockets},
    }


def declared(name: str, path: str, grants: Sequence[Json], refused: Sequence[str] = ()) -> Json:
    return {
        "name": name,
        "path": path,
        "exists": True,
        "grants": list(grants),
        "refused": [{"principal": one, "proof": None} for one in refused],
        "others": {"proof": None},
        "endpoints": [],
        "kept_by": [f"socket-access-{name}.path applies the policy again."],
        "notes": [],
    }


def probed(path: str, **answers: bool) -> Json:
    """Return one result of the loop over socket_probe: users by whether they got in."""
    return {
        "failed": False,
        "item": {"path": path, "observe": [{"user": one} for one in answers]},
        "connections": [
            {
                "principal": f"user {who}",
                "expected": None,
                "connected": connected,
                "refused": not connected,
                "errno": None if connected else "EACCES",
                "held": True,
                "message": f"{who} {'connected to' if connected else 'was refused at'} {path}.",
                "explanation": [],
                "type": "stream",
                "reply": None,
                "seconds": 0.0001,
            }
            for who, connected in answers.items()
        ],
    }


def proofs(*results: Json) -> Json:
    return {"changed": False, "results": list(results)}


def host(name: str, *answers: Json | None) -> Json:
    """Return the entry of a host that answered up to three times."""
    given = [*answers, None, None, None][:3]
    return _report.host_entry(name, _report.Answers(*given))


def document(*hosts: Json, generated: str = GENERATED) -> Json:
    return _report.report(hosts, generated)


# -- a fleet like a real one ---------------------------------------------------------------------

_BY_DESIGN = {"what": "systemd's services", "why": "The daemon asks the kernel who is calling."}
_OPEN = [
    "/run/dbus/system_bus_socket",
    "/run/systemd/journal/dev-log",
    "/run/systemd/journal/socket",
    "/run/systemd/journal/stdout",
    "/run/systemd/notify",
    "/run/systemd/userdb/io.systemd.DynamicUser",
    "/run/systemd/userdb/io.systemd.Home",
    "/run/systemd/io.systemd.ManagedOOM",
    "/run/systemd/resolve/io.systemd.Resolve",
    "/run/snapd.socket",
    "/run/uuidd/request",
    "/run/nscd/socket",
    "/run/avahi-daemon/socket",
    "/run/rpcbind.sock",
    "/run/cups/cups.sock",
    "/run/acpid.socket",
]
_ROOTS = [
    "/run/systemd/private",
    "/run/udev/control",
    "/run/systemd/fsck.progress",
    "/run/systemd/journal/io.systemd.journal",
    "/run/systemd/oom/io.system.ManagedOOM",
    "/run/lvm/lvmpolld.socket",
    "/run/initctl",
    "/run/dmeventd-client",
    "/run/chrony/chronyd.sock",
    "/run/fail2ban/fail2ban.sock",
    "/run/multipathd.sock",
    "/run/irqbalance/irqbalance.sock",
]


def real(name: str, number: int, sockets: int = 50) -> tuple[str, Json, Json, Json]:
    """Return name and answers of a host with nginx, an application, redis and more of the kind."""
    app, redis, docker = "/run/app/app.sock", "/run/redis/redis-server.sock", "/run/docker.sock"
    named = ["user:www-data:rw-", "group::rw-", "group:monitoring:rw-"]
    entries = ["user::rw-", *named, "mask::rw-", "other::---"]
    client = {**process(880, "www-data"), "name": "nginx", "unit": "nginx.service"}
    found = [
        socket(
            app,
            owner="app",
            group="app",
            mode="0660",
            acl=entries,
            unit="app.service",
            reach=reach("app", "root", "www-data", groups=["app", "monitoring"]),
            connections=3 + number % 4,
            connected=[{**client, "connections": 3 + number % 4}],
            root=False,
            managed_by=[{"name": "app", "holder": "socket app", "state": "as declared"}],
        ),
        socket(
            redis,
            owner="redis",
            group="redis",
            mode="0770",
            unit="redis-server.service",
            reach=reach("app", "redis", "root", groups=["redis"]),
            root=False,
            managed_by=[{"name": "redis", "holder": "socket redis", "state": "as declared"}],
        ),
        socket(
            docker,
            group="docker",
            mode="0666" if number % 97 == 3 else "0660",
            unit="docker.socket",
            reach=everyone() if number % 97 == 3 else reach("deploy", "root", groups=["docker"]),
            powerful={"what": "Docker", "why": "It starts containers with any rights."},
        ),
        socket(
            "/run/postgresql/.s.PGSQL.5432",
            owner="postgres",
            group="postgres",
            mode="0777",
            unit="postgresql@17-main.service",
            reach=everyone(),
            root=False,
        ),
        socket("@/org/kernel/linux/storage/multipathd", unit="multipathd.socket"),
    ]
    found += [
        socket(path, mode="0666", reach=everyone(), by_design=_BY_DESIGN, unit="systemd.service")
        for path in _OPEN
    ]
    found += [socket(path) for path in _ROOTS]
    found += [
        socket(
            f"/run/worker/{index}.sock",
            owner=f"worker{index % 4}",
            group="worker",
            mode="0660",
            unit=f"worker@{index}.service",
            reach=reach("root", f"worker{index % 4}", groups=["worker"]),
            root=False,
        )
        for index in range(max(sockets - len(found), 0))
    ]
    findings = []
    if number % 97 == 3:
        findings.append(
            finding(
                "world-connectable-privileged",
                "high",
                docker,
                message=(
                    f"Everyone on this host can connect to {docker} of Docker, and whoever can do "
                    "that is as good as root: it starts containers with any rights and any of the "
                    "host's files in them."
                ),
                remedy=(
                    f"Declare who may connect to {docker} in socket_policy_sockets, or take the "
                    f"permission away from all others: chmod o-rwx {docker}."
                ),
            )
        )
    if number % 5 == 1:
        findings.append(
            finding(
                "stale-group",
                "medium",
                redis,
                message=(
                    f"The user app is in the group redis, which may connect to {redis}, but its "
                    "process app (pid 880, app.service) runs without it, and is refused."
                ),
                remedy="Restart what was started before the user came into the group: systemctl "
                "restart app.service.",
            )
        )
    findings.append(
        finding(
            "abstract-listener",
            "low",
            "@/org/kernel/linux/storage/multipathd-x",
            message=(
                "The abstract socket @/org/kernel/linux/storage/multipathd-x has no permissions: "
                "every process in the network namespace can connect."
            ),
            remedy="Let the daemon listen at a path, if it can.",
        )
    )
    changes = []
    if number % 11 == 4:
        changes = [f"{app}: user:backup changes from no entry to rw-."]
    grants = [grant("user www-data", app), grant("group monitoring", app, "group")]
    answers = policy(
        declared("app", app, grants, ["user nobody"]),
        declared("redis", redis, [grant("user app", redis, "group")], ["user www-data"]),
        changes=changes,
    )
    proven = proofs(
        probed(app, **{"www-data": True, "nobody": False}),
        probed(redis, **{"app": True, "www-data": number % 23 == 9}),
    )
    return name, info(sorted(found, key=lambda one: one["socket"]), findings), answers, proven


def fleet(hosts: int, sockets: int = 50) -> list[Json]:
    """Return the entries of that many hosts; some do not answer."""
    entries = []
    for number in range(hosts):
        name, *answers = real(f"node{number:04}.example.org", number, sockets)
        if number % 50 == 7:
            answers = [{"unreachable": True, "changed": False, "msg": "Connection timed out."}]
        if number % 50 == 22:
            answers[1] = {"failed": True, "msg": "In socket_policy_sockets, socket app: no path."}
        entries.append(host(name, *answers))
    return entries
