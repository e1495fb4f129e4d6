# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What processes run under, read from trees that look like /proc and /sys."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.diagnose import (
    confinements,
    modules,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.processes import (
    Process,
)


def process(pid: int, uid: int = 1000, filtered: bool = False) -> Process:
    return Process(pid, "web", uid, frozenset(), 0.0, "web.service", None, 0, filtered)


def write(root: Path, files: dict[str, str]) -> str:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    return str(root)


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({}, ()),
        ({"kernel/security/lsm": "lockdown,capability,landlock,yama,apparmor,bpf"}, ("apparmor",)),
        ({"kernel/security/lsm": "capability,selinux"}, ("selinux",)),
        # Without securityfs.
        ({"module/apparmor/parameters/enabled": "Y\n"}, ("apparmor",)),
        ({"module/apparmor/parameters/enabled": "N\n"}, ()),
        ({"fs/selinux/enforce": "0"}, ("selinux",)),
    ],
)
def test_what_is_active(tmp_path: Path, files: dict[str, str], found: tuple[str, ...]) -> None:
    assert modules(write(tmp_path, files)) == found


def test_apparmor(tmp_path: Path) -> None:
    sys = write(tmp_path / "sys", {"kernel/security/lsm": "capability,apparmor"})
    proc = write(
        tmp_path / "proc",
        {
            "1/attr/apparmor/current": "/usr/sbin/web (enforce)\n",
            "2/attr/current": "/usr/sbin/web (enforce)",
            "3/attr/apparmor/current": "unconfined\n",
            "4/attr/current": "other (complain)\n",
        },
    )
    one, two = confinements([process(number) for number in range(1, 6)], proc=proc, sys=sys)
    assert (one.module, one.label, one.mode) == ("apparmor", "/usr/sbin/web", "enforce")
    assert [process.pid for process in one.processes] == [1, 2]
    assert one.text.startswith(
        "web (pid 1, web.service) and web (pid 2, web.service) run under the AppArmor profile "
        "/usr/sbin/web (enforce), which may refuse what permissions allow"
    )
    assert "cannot be judged here" in one.text
    assert (two.label, two.mode) == ("other", "complain")


@pytest.mark.parametrize(("enforce", "mode"), [("1", "enforce"), ("0", "permissive")])
def test_selinux(tmp_path: Path, enforce: str, mode: str) -> None:
    sys = write(tmp_path / "sys", {"fs/selinux/enforce": enforce})
    proc = write(tmp_path / "proc", {"1/attr/current": "system_u:system_r:httpd_t:s0\0"})
    (one,) = confinements([process(1)], proc=proc, sys=sys)
    assert (one.module, one.label, one.mode) == ("selinux", "system_u:system_r:httpd_t:s0", mode)
    assert "ausearch -m AVC" in one.text


def test_filters_of_system_calls(tmp_path: Path) -> None:
    (one,) = confinements(
        [process(1, filtered=True), process(2), process(3, 0, True)],
        proc=str(tmp_path),
        sys=str(tmp_path),
    )
    assert (one.module, [process.pid for process in one.processes]) == ("seccomp", [1])
    assert "RestrictAddressFamilies=" in one.text


def test_many_processes_are_not_all_named(tmp_path: Path) -> None:
    many = [process(number, filtered=True) for number in range(1, 9)]
    (one,) = confinements(many, proc=str(tmp_path), sys=str(tmp_path))
    assert "(pid 5, web.service) and more run" in one.text
    assert "pid 6" not in one.text
