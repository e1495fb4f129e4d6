# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kernel's table of mounts and the memory of mount(8), read on paper."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.host import mounts
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.mounts import Mount

DEVICE = os.makedev(0, 55)
TABLE = rb"""20 1 0:55 / / rw,relatime shared:1 - ext4 /dev/sda rw
30 20 0:60 / /run/user/1000 rw - tmpfs tmpfs rw
41 20 0:60 /s /run/end/s rw,nosuid shared:5 - tmpfs tmpfs rw
42 41 0:60 /s /run/end/s rw,nosuid shared:5 - tmpfs tmpfs rw
43 30 0:60 /s /run/user/1000/s rw shared:5 - tmpfs tmpfs rw
44 20 0:60 /a\040b//deleted /run/a\011b\134 rw - tmpfs tmpfs rw
45 20 0:70 /other /run/user/1000/t rw - tmpfs tmpfs rw
"""


def test_the_table_is_read() -> None:
    found = mounts.parse(TABLE)
    options = frozenset(("rw", "relatime"))
    assert found[0] == Mount(20, 1, DEVICE, "/", "/", kind="ext4", options=options)
    device, point = os.makedev(0, 60), "/run/a\tb\\"
    assert found[5] == Mount(44, 20, device, "/a b", point, True, "tmpfs", frozenset(("rw",)))


def test_bytes_that_are_no_text_and_odd_ends_of_lines_are_kept() -> None:
    [found] = mounts.parse(b"44 20 0:60 /a\r\xff /x\x0b - tmpfs tmpfs rw\n")
    assert (os.fsencode(found.root), found.point) == (b"/a\r\xff", "/x\x0b")


@pytest.mark.parametrize(
    ("end", "server"),
    [
        (b"fuse theirs rw,user_id=1000,group_id=1000,allow_other", 1000),
        (b"fuse.sshfs x,user_id=0,user_id=0 rw,user_id=1000,group_id=1000", 1000),
        (b"fuseblk /dev/sda1 rw,user_id=0,group_id=0,allow_other", None),
        (b"fusectl fusectl rw", None),
        (b"tmpfs x,user_id=1000 rw", None),
        (b"cifs //x rw,user_id=1000", None),
    ],
)
def test_who_answers_for_a_file_system(end: bytes, server: int | None) -> None:
    """The name before the options is chosen by the user."""
    [found] = mounts.parse(b"44 20 0:60 / /x rw - %s\n" % end)
    assert found.server == server


def test_the_mount_of_a_descriptor(tmp_path: Path) -> None:
    fd = os.open(tmp_path, os.O_PATH)
    try:
        number = mounts.number_of(fd)
    finally:
        os.close(fd)
    covering = mounts.covering(mounts.read(), os.path.realpath(tmp_path))
    assert covering is not None
    assert number == covering.number
    assert mounts.number_of(fd) is None


def test_what_is_stacked_is_found_in_order() -> None:
    assert [one.number for one in mounts.at(mounts.parse(TABLE), "/run/end/s")] == [41, 42]


def test_a_mount_of_the_source_on_itself_is_an_echo_and_no_other_is() -> None:
    table = mounts.parse(TABLE)
    assert [one.number for one in mounts.echoes(table, "/run/user/1000/s")] == [43]
    assert mounts.echoes(table, "/run/user/1000/t") == []
    assert mounts.echoes([one for one in table if one.number != 30], "/run/user/1000/s") == []


@pytest.mark.parametrize(
    ("mount", "source", "expected"),
    [
        (Mount(1, 0, 7, "/s", "/t"), "/run/user/1000/s", True),
        (Mount(1, 0, 7, "/user/1000/s", "/t"), "/run/user/1000/s", True),
        (Mount(1, 0, 7, "/secret/s", "/t"), "/run/user/1000/s", False),
        (Mount(1, 0, 7, "/x", "/t"), "/run/user/1000/s", False),
        (Mount(1, 0, 7, "/", "/t"), "/run/user/1000/s", False),
        # A subvolume: the path within the file system begins with its name.
        (Mount(1, 0, DEVICE, "/@/var/s", "/t"), "/var/s", True),
        (Mount(1, 0, 7, "/@/var/s", "/t"), "/var/s", False),
    ],
)
def test_what_a_stale_mount_showed_is_told_by_its_name(
    mount: Mount, source: str, expected: bool
) -> None:
    table = [Mount(20, 1, DEVICE, "/@", "/"), mount]
    assert mounts.shows(table, mount, source) is expected


def test_mount_remembers_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    utab = tmp_path / "utab"
    monkeypatch.setattr(mounts, "UTAB", str(utab))
    assert mounts.remembered("/t") is None
    utab.write_bytes(
        b"SRC=none TARGET=/t ROOT=/s OPTS=user=bob,x-socket-access=n\n"
        b"SRC=none TARGET=/t\\040x ROOT=/s OPTS=x-other\n"
        b"ID=5 SRC=none TARGET=/t ROOT=/s BINDSRC=/a=b OPTS=user=alice,x-socket-access=n\n"
        b"SRC=none TARGET=/plain ROOT=/s\n"
    )
    assert mounts.remembered("/t") == ("user=alice", "x-socket-access=n")
    assert mounts.user_of("/t") == "alice"
    assert mounts.remembered("/t x") == ("x-other",)
    assert mounts.user_of("/t x") is None
    assert mounts.remembered("/plain") == ("",)
    assert mounts.remembered("/") is None
