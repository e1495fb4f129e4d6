# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The way out that a refusal names is one: a run that takes it at its word goes through."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.errors import AccessError
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.accounts import (
    Accounts,
    HostNames,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy import validate
from ansible_collections.unixsocket.access.plugins.module_utils._engine.survey import Survey
from kernel.hosts import BOB, STAFF, Place, mount, unmount


@pytest.fixture
def home() -> Iterator[Place]:
    base = Path(tempfile.mkdtemp(prefix="socket-access-test-", dir="/var/lib"))
    base.chmod(0o755)
    mount("tmpfs", base, "mode=0755")
    (base / "top").mkdir()
    place = Place(base / "top", base / "record")
    yield place
    place.close()
    unmount(base)
    shutil.rmtree(base)


def _named(key: str, said: str) -> str:
    """Return the value of a key as the message spells it."""
    found = re.search(rf"{key}: (\[[^]]*\]|[^\s,]+)", said)
    assert found is not None, said
    return found[1].strip("[]").rstrip(".,")


def _taken(home: Place, said: str, key: str, declared: dict[str, Any]) -> None:
    """Declare what the message says, the path included where it names another."""
    value = [_named(key, said)]
    if "declare path: " in said:
        declared = {**declared, "path": _named("declare path", said)}
    (grant,) = declared["allow"]
    if key == "open_parents":
        declared = {**declared, "allow": [{**grant, key: value}]}
    else:
        declared = {**declared, key: value}
    assert home.run({"app": declared}).changed


def test_a_closed_directory_behind_a_link(home: Place) -> None:
    home.directory("real", 0o700)
    home.listen("real/s")
    os.symlink("real", home.top / "link")
    declared = {"path": f"{home.top}/link/s", "allow": [{"user": str(BOB), "method": "acl"}]}
    said = home.refusal({"app": declared})
    assert f"may not search the directory {home.top}/real" in said
    assert f"open_parents: [{home.top}/link]" in said
    _taken(home, said, "open_parents", declared)


def test_a_closed_directory_that_a_link_passes(home: Place) -> None:
    """It has no name in the declared path, so the path without links is named as well."""
    home.directory("real", 0o700)
    home.directory("real/in")
    home.listen("real/in/s")
    os.symlink("real/in", home.top / "link")
    declared = {"path": f"{home.top}/link/s", "allow": [{"user": str(BOB), "method": "acl"}]}
    said = home.refusal({"app": declared})
    assert f"path: {home.top}/real/in/s" in said
    _taken(home, said, "open_parents", declared)


def test_a_directory_to_trust_behind_a_link(home: Place) -> None:
    home.directory("real", 0o775, gid=STAFF)
    home.listen("real/s")
    os.symlink("real", home.top / "link")
    declared = {"path": f"{home.top}/link/s", "allow": [{"user": str(BOB), "method": "acl"}]}
    said = home.refusal({"app": declared})
    assert f"trust_directories: [{home.top}/link]" in said
    _taken(home, said, "trust_directories", declared)


def test_a_directory_to_trust_that_a_link_passes(home: Place) -> None:
    home.directory("real", 0o775, gid=STAFF)
    home.directory("real/in")
    home.listen("real/in/s")
    os.symlink("real/in", home.top / "link")
    declared = {"path": f"{home.top}/link/s", "allow": [{"user": str(BOB), "method": "acl"}]}
    said = home.refusal({"app": declared})
    assert f"path: {home.top}/real/in/s" in said
    _taken(home, said, "trust_directories", declared)


def test_nobody_is_told_to_close_a_directory_for_everyone_s_files(home: Place) -> None:
    """To take the permission to write from /tmp would break the host."""
    home.directory("w", 0o1777)
    said = home.refusal({"app": {"path": home.listen("w/s"), "allow": [{"user": str(BOB)}]}})
    assert "Take that permission away" not in said
    assert f"trust_directories: [{home.top}/w]" in said


def test_two_that_contradict_each_other_are_told_apart_by_names(home: Place) -> None:
    path = home.listen("s")
    home.run({"app": {"path": path, "group": "daemon"}})
    with pytest.raises(AccessError) as caught:
        home.run({"app": {"path": path, "group": "mail"}}, holder="socket_mode ", exclusive=False)
    for part in (path, "daemon", "mail"):
        assert part in str(caught.value)


def test_one_account_by_two_names(home: Place) -> None:
    declared = {"path": home.listen("s"), "allow": [{"user": "65534"}], "refuse": ["nobody"]}
    said = home.refusal({"app": declared})
    assert "part" not in said
    assert said.startswith("User 65534 and ")
    assert "user nobody" in said


def test_a_mode_that_stops_the_group(home: Place) -> None:
    grant = {"user": "daemon", "method": "group"}
    declared = {"path": home.listen("s"), "group": "daemon", "mode": "0600", "allow": [grant]}
    said = home.refusal({"app": declared})
    assert 'declare a mode in which the group has w, such as "0660", or leave mode out' in said
    assert home.run({"app": {**declared, "mode": "0660"}}).changed


def test_an_endpoint_in_a_directory_of_a_daemon_s(home: Place) -> None:
    """It will be root's, which is known before it is made."""
    home.directory("w", 0o755, BOB)
    declared = {"path": f"{home.top}/w/s", "allow": [{"user": "daemon"}]}

    def problems(more: dict[str, Any]) -> list[str]:
        (policy,) = validate({"app": {**declared, **more}}).sockets
        survey = Survey(Accounts(), HostNames(), check=False)
        survey.look(policy, (), served=True)
        return survey.problems

    (said,) = problems({})
    assert "the socket shall belong to root, but" in said
    assert f"trust_directories: [{home.top}/w]" in said
    assert problems({"owner": str(BOB)}) == []
    assert problems({"trust_directories": [f"{home.top}/w"]}) == []
