# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Groups as a host may call them (a domain's have blanks and backslashes), in the settings of a unit."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.errors import AccessError
from ansible_collections.unixsocket.access.plugins.module_utils._engine.keep.hooks import hooks
from ansible_collections.unixsocket.access.plugins.module_utils._engine.keep.parts import Creator
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.access import (
    AccessRequest,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.words import (
    Numbers,
    setting_word,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy import (
    Grant,
    Principal,
    SocketPolicy,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.task import Task
from unit.hostile.as_systemd import settings, words

STRANGE = ("domain users", "DOM\\domain users", "a  b", 'the "best"', "it's", "50%n", "-x", "@all")


class Called(Numbers):
    """A host on which every group has the same name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def group_name(self, gid: int) -> str:
        return self.name


def drop_in(socket_group: str, unit_group: str, unit: str = "app.service") -> str:
    grant = Grant(Principal("user", "www"), "acl")
    declared = SocketPolicy("app", "/run/app.sock", allow=(grant,), born=unit[-1] == "e")
    made = hooks(
        Task(declared, "socket app"),
        Creator(unit, None, group=unit_group),
        AccessRequest(1000, 1000, 6, 6, 0),
        None,
        Called(socket_group),
        None,
    )
    (file,) = (one for one in made.files if f"/{unit}.d/" in one.path)
    return file.content


@pytest.mark.parametrize("name", STRANGE)
def test_a_group_is_one_word_whatever_it_is_called(name: str) -> None:
    found = {key: value for dummy, key, value in settings(drop_in(name, name))}
    assert found["Group"].replace("%%", "%") == name
    said = words("SupplementaryGroups", found["SupplementaryGroups"])
    assert [one.replace("%%", "%") for one in said] == [name]


@pytest.mark.parametrize("name", [" x", "x ", "x\\", "a/b", "a:b", "a\nUser=root", "a\tb"])
def test_a_group_that_no_unit_can_name_is_refused(name: str) -> None:
    for socket_group, unit_group in ((name, "app"), ("app", name)):
        with pytest.raises(AccessError, match=r"cannot be named by a unit.*leave born out"):
            drop_in(socket_group, unit_group)


def test_a_name_in_a_comment_is_no_setting() -> None:
    said = drop_in("a\nSocketMode=0666", "", "app.socket")
    assert [key for dummy, key, value in settings(said)].count("SocketMode") == 1
    assert "# group 'a\\nSocketMode=0666'" in said


# A host of the tests' may have no systemd at all; what it would say is held by the tests above.
@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is the judge")
@pytest.mark.parametrize("name", STRANGE)
def test_systemd_reads_the_same_word(name: str, tmp_path: Path) -> None:
    """It repeats a word that is no group's name, such as one with a colon, as it has understood it."""
    unit = tmp_path / "app.service"
    unit.write_text(
        "[Service]\nExecStart=/bin/true\nUser=root\n"
        f"SupplementaryGroups=root {setting_word(name + ':')} daemon\n"
    )
    done = subprocess.run(
        # As a user's manager: the system's would leave /run/systemd/systemd-units-load behind.
        ["systemd-analyze", "--user", "verify", str(unit)],
        env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert f"Invalid user/group name or numeric ID: {name}:\n" in done.stderr + "\n"
