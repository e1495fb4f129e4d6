# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Drop-ins of root's own that are read after ours, and what they take back of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.keep.parts import (
    Creator,
    KeptFile,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.overridden import overridden
from ansible_collections.unixsocket.access.plugins.module_utils._engine.task import Task
from unit.planner.facts import declare

OURS = "/etc/systemd/system/app.service.d/50-socket-access-app.conf"
HOOK = "ExecStartPost=+/usr/local/sbin/socket-access apply --hook app"
FILES = (
    KeptFile(OURS, f"# Ours.\n[Service]\n{HOOK}\nUMask=0117\nGroup=web\nSupplementaryGroups=a\n"),
    # Of another unit: what it says is no matter here.
    KeptFile("/etc/systemd/system/socket-access-app.path", "[Path]\nUnit=x\nSocketMode=0600\n"),
)


def said(
    tmp_path: Path, text: str | None, name: str = "override.conf", user: str | None = None
) -> list[str]:
    file = tmp_path / name
    if text is not None:
        file.write_text(text)
    creator = Creator("app.service", user, drop_ins=(OURS, str(file)))
    return overridden(Task(declare("user nginx"), "socket app"), creator, FILES)


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("[Service]\nUMask=0000\n", "UMask="),
        ("[Service]\n UMask = 0000\n", "UMask="),
        ("[Service]\nUMask=0117\nGroup=web\n", None),
        ("[Service]\nUMask=0000\nGroup=www\n", "Group= and UMask="),
        # An empty value takes back what was said before, of settings that add up as well.
        ("[Service]\nExecStartPost=\n", "ExecStartPost="),
        ("[Service]\nExecStartPost=/bin/true\nSupplementaryGroups=b\n", None),
        ("[Service]\n# UMask=0000\n; UMask=0000\n  #UMask=0000\n", None),
        ("[Service]\nUMask\nRestart=always\nSocketMode=0666\n", None),
        # It is gone meanwhile.
        (None, None),
    ],
)
def test_what_a_later_one_takes_back(tmp_path: Path, text: str | None, keys: str | None) -> None:
    found = said(tmp_path, text)
    assert len(found) == (keys is not None)
    if keys:
        assert found[0].startswith(f"{tmp_path}/override.conf is read after {Path(OURS).name}, ")
        assert f" and sets {keys} otherwise, so that does not work at the start of " in found[0]
        assert found[0].endswith("such as 40-own.conf.")


def test_one_that_is_read_before_takes_nothing_back(tmp_path: Path) -> None:
    assert said(tmp_path, "[Service]\nUMask=0000\n", "40-own.conf") == []
    assert said(tmp_path, "[Service]\nUMask=0000\n", Path(OURS).name) == []


def test_one_of_ours_for_another_socket_of_the_same_service(tmp_path: Path) -> None:
    (told,) = said(tmp_path, "[Service]\nUMask=0000\n", "50-socket-access-web.conf")
    assert told.endswith(
        "One service cannot be born for two sockets; leave born out at one of them."
    )


def test_what_is_not_root_s_to_say(tmp_path: Path) -> None:
    text = "[Service]\nUMask=0000\n"
    assert said(tmp_path, text, user="anna") == []
    task = Task(declare("user nginx"), "socket app")
    assert overridden(task, None, FILES) == []
    (tmp_path / "override.conf").write_text(text)
    creator = Creator("app.service", drop_ins=(str(tmp_path / "override.conf"),))
    # Nothing of ours is in that unit.
    assert overridden(task, creator, FILES[1:]) == []
