# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The roles of the methods with what surrounds a socket: its group, its directory, a program."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hosts.played import PlayedHost

SOURCE = "/run/source.sock"
OWN: dict[str, dict[str, Any]] = {
    "group": {
        "unit": "group.socket",
        "group": "in-group",
        "members": ["friend"],
        "create_group": True,
    },
    "acl": {
        "unit": "acl.socket",
        "mode": "0600",
        "entries": [{"group": "in-acl"}],
        "create_groups": True,
        "open_parents": ["/run/of-acl"],
    },
    "proxy": {"source": SOURCE, "groups": "in-proxy", "create_groups": True},
    "gate": {"forward": SOURCE, "allow_groups": ["in-gate"], "create_groups": True},
    "bind_mount": {"source": "/run/other.sock", "groups": ["in-bind_mount"], "create_groups": True},
}
# The module of this method makes the directory by itself.
WITH_DIRECTORY = sorted(OWN.keys() - {"bind_mount"})
AT_BOOT = ["gate", "proxy"]
PREPARE = """
useradd --system friend
useradd --system foe
for name in source:/run/source.sock other:/run/other.sock group:/run/of-group/s acl:/run/of-acl/s; do
  unit=/etc/systemd/system/${name%%:*}
  mode=0666; [ "${name#*/of-}" = "$name" ] || mode=0600
  printf '[Socket]\\nListenStream=%s\\nSocketMode=%s\\nAccept=yes\\n' "${name#*:}" $mode >"$unit.socket"
  printf '[Service]\\nExecStart=/bin/echo hello\\nStandardOutput=socket\\n' >"$unit@.service"
done
systemctl daemon-reload
systemctl start source.socket other.socket
"""
CONNECT = """
import socket, sys
one = socket.socket(socket.AF_UNIX)
one.connect(sys.argv[1])
print(one.recv(6) == b"hello\\n")
"""


def _variables(role: str, **more: Any) -> dict[str, Any]:
    own = {
        "path": f"/run/of-{role}/s",
        "directory_group": f"in-{role}",
        "directory_mode": "0750",
        **OWN[role],
        **({"directory": f"/run/of-{role}"} if role in WITH_DIRECTORY else {}),
        **more,
    }
    return {f"socket_{role}_{name}": value for name, value in own.items()}


def _asked(role: str, **more: Any) -> dict[str, Any]:
    name = {"name": f"unixsocket.access.socket_{role}"}
    return {"ansible.builtin.include_role": name, "vars": _variables(role, **more)}


class Host(PlayedHost):
    """A host with sockets for the roles to surround."""

    def __init__(self, directory: Path) -> None:
        super().__init__("roles", "deb13", directory, PREPARE)

    def state(self) -> dict[str, str]:
        """Return mode and group of each directory that is there."""
        said = self.on("sh", "-c", "stat -c '%n %a %G' /run/of-*").stdout
        return {line.split(" ")[0][8:]: line.split(" ", 1)[1] for line in said.splitlines()}

    def kept(self) -> str:
        return self.on("sh", "-c", "cat /etc/tmpfiles.d/socket-access-*").stdout


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    made = Host(tmp_path)
    yield made
    made.close()


def _changed(said: str) -> int:
    found = re.search(r"changed=(\d+)", said)
    assert found is not None, said
    return int(found[1])


def test_what_surrounds_a_socket_is_made_and_unmade(host: Host) -> None:
    present = [_asked(role) for role in OWN]
    assert _changed(host.play(present, "--check")) > 0
    assert host.state() == {}
    host.play(present)
    assert host.state() == {role: f"750 in-{role}" for role in OWN}
    for role in OWN:
        host.on("gpasswd", "--add", "friend", f"in-{role}")
    host.on("systemctl", "start", "group.socket", "acl.socket")
    for role in OWN:
        connect = ["--", "python3", "-c", CONNECT, f"/run/of-{role}/s"]
        friend, foe = (host.on("runuser", "-u", user, *connect) for user in ("friend", "foe"))
        assert (friend.stdout, foe.stdout) == ("True\n", ""), (role, friend.stderr)
        assert "PermissionError" in foe.stderr
    again = host.play(present, "--diff")
    assert _changed(again) == 0, again

    # A boot begins with none of them: what is kept makes these again, and no other.
    host.on("sh", "-c", "chmod 0777 /run/of-*")
    host.on("systemd-tmpfiles", "--create")
    made = {role for role, what in host.state().items() if what == f"750 in-{role}"}
    assert made == set(AT_BOOT), host.kept()

    host.on("systemctl", "stop", "group.socket", "acl.socket")
    host.on("rm", "-f", "/run/of-group/s", "/run/of-acl/s")
    host.play([_asked(role, state="absent") for role in OWN])
    assert host.state() == {}
    assert host.kept() == ""


def test_a_role_in_a_loop_takes_items_with_and_without_a_key(host: Host) -> None:
    names = ("directory", "directory_owner", "mode", "owner", "unit")
    variables = {f"socket_acl_{name}": f"{{{{ item.{name} | default(omit) }}}}" for name in names}
    items = [
        {"path": "/run/of-acl/s", "directory": "/run/of-acl", "mode": "0600", "unit": "acl.socket"},
        {"path": "/run/other.sock"},
    ]
    task = {
        **_asked("acl"),
        "vars": {
            **variables,
            "socket_acl_path": "{{ item.path }}",
            "socket_acl_entries": [{"user": "friend"}],
        },
        "loop": items,
    }
    host.play([task])
    assert host.state() == {"acl": "755 root"}
    host.must("systemctl start acl.socket")
    for one in items:
        connect = ["--", "python3", "-c", CONNECT, one["path"]]
        friend, foe = (host.on("runuser", "-u", user, *connect) for user in ("friend", "foe"))
        assert (friend.stdout, foe.stdout) == ("True\n", ""), (one, friend.stderr)


def test_a_directory_that_root_must_not_make_is_refused_by_its_name(host: Host) -> None:
    tasks = []
    for role in WITH_DIRECTORY:
        for directory in ("/tmp/of", "/run/elsewhere"):
            name = f"socket_{role}_directory {directory}"
            said = {"that": f"'{name}' in ansible_failed_result.msg", "quiet": True}
            unwanted = {"ansible.builtin.fail": {"msg": f"{name} was not refused."}}
            wrong = _asked(role, path="/tmp/of/s", directory=directory)
            tasks += [{"block": [wrong, unwanted], "rescue": [{"ansible.builtin.assert": said}]}]
    host.play(tasks)
    assert host.on("test", "-e", "/tmp/of").returncode != 0


def test_a_client_whom_a_gate_never_lets_in_is_told_before_anything_is_made(host: Host) -> None:
    """Debian's adduser --system puts accounts into nogroup, whose id stands for the unmapped."""
    assert host.on("useradd", "--system", "--gid", "nogroup", "old").returncode == 0
    said = "user old in, because the id of its primary group, 65534, stands for everyone"
    told = {"that": f"'{said}' in ansible_failed_result.msg", "quiet": True}
    unwanted = {"ansible.builtin.fail": {"msg": "It was not refused."}}
    open_to_all = {"directory_group": "root", "directory_mode": "0755"}
    wrong = _asked("gate", allow_groups=[], allow_users=["old"], **open_to_all)
    host.play([{"block": [wrong, unwanted], "rescue": [{"ansible.builtin.assert": told}]}])
    assert host.on("sh", "-c", "ls /etc/systemd/system/socket-access-*").returncode != 0
