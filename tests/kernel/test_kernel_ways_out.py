# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The way out that a refusal names is one: a run that takes it at its word goes through."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.errors import AccessError
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.accounts import (
    Accounts,
    HostNames,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy import validate
from ansible_collections.unixsocket.access.plugins.module_utils._engine.survey import Survey
from kernel.hosts import BOB, STAFF, Place, place_on


@pytest.fixture
def home() -> Iterator[Place]:
    yield from place_on("tmpfs")


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


ASKED = {
    "open_parents": (0o700, 0, "may not search the directory "),
    "trust_directories": (0o775, STAFF, "may write to the directory "),
}


@pytest.mark.parametrize("key", ASKED)
@pytest.mark.parametrize("inner", ["", "/in"], ids=["", "passed"])
def test_a_directory_behind_a_link(home: Place, key: str, inner: str) -> None:
    """One that the link passes has no name in the declared path, so the path without links is told."""
    mode, gid, why = ASKED[key]
    home.directory("real", mode, gid=gid)
    if inner:
        home.directory("real/in")
    home.listen(f"real{inner}/s")
    os.symlink(f"real{inner}", home.top / "link")
    declared = {"path": f"{home.top}/link/s", "allow": [{"user": str(BOB), "method": "acl"}]}
    said = home.refusal({"app": declared})
    assert f"{why}{home.top}/real" in said
    assert (f"path: {home.top}/real/in/s" if inner else f"{key}: [{home.top}/link]") in said
    _taken(home, said, key, declared)


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


@pytest.mark.parametrize(
    ("name", "holder", "told"),
    [
        ("mine", "socket ", "mine"),
        ("socket_acl-app.sock-1a2b3c4d", "socket_acl /run/x/app.sock ", "app"),
    ],
)
def test_the_way_around_a_directory_has_no_name_that_a_module_made_up(
    home: Place, name: str, holder: str, told: str
) -> None:
    home.directory("in", 0o700)
    grant = {"user": str(BOB), "method": "acl"}
    said = home.refusal(
        {name: {"path": home.listen("in/app.sock"), "allow": [grant]}}, holder=holder
    )
    assert f"method: bind_mount, at: /run/{told}-{BOB}/app.sock in the grant" in said
    assert "1a2b3c4d" not in said
