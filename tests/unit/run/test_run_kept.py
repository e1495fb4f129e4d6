# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A policy of the host that is good JSON of another form is told from a good one when it is read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.errors import AccessError
from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy import SocketPolicy
from ansible_collections.unixsocket.access.plugins.module_utils._engine.task import (
    Task,
    compiled,
    from_compiled,
)

KEPT = json.loads(
    compiled(
        Task(
            SocketPolicy("app", "/run/app.sock"),
            "socket app",
            found_unit="app.service",
            found_groups=(7,),
            chosen={"user www": "acl"},
            source="/run/other.sock",
        )
    )
)


def _said(data: Any) -> str:
    with pytest.raises(AccessError) as caught:
        from_compiled(json.dumps(data).encode(), "/etc/app.json")
    said = str(caught.value)
    assert said.startswith("The policy /etc/app.json cannot be understood (")
    assert said.endswith("); run its playbook again.")
    return said


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("format", True),
        ("holder", 7),
        ("holder", ["socket app"]),
        ("exclusive", "no"),
        ("deny_all_refused", None),
        ("adds", 1),
        ("found_unit", 7),
        ("found_unit", "a\0b"),
        ("found_user", {}),
        ("unit_group", None),
        ("leave_inode", "no"),
        ("found_type", "packet"),
        ("found_groups", "7"),
        ("found_groups", [True]),
        ("found_groups", [-1]),
        ("found_groups", [float("nan")]),
        ("chosen", []),
        ("chosen", {"user www": 7}),
        ("source", "other.sock"),
        ("served", True),
        ("declaration", []),
    ],
)
def test_a_value_of_another_form(key: str, value: Any) -> None:
    assert "\n" not in _said({**KEPT, key: value})


@pytest.mark.parametrize("key", ["format", "holder", "declaration"])
def test_what_is_missing(key: str) -> None:
    assert f"(it has no {key})" in _said({name: KEPT[name] for name in KEPT if name != key})


@pytest.mark.parametrize("data", [[], 7, None, "app", [KEPT]])
def test_no_object(data: Any) -> None:
    assert "where an object is expected" in _said(data)


def test_nested_without_end() -> None:
    with pytest.raises(AccessError, match="cannot be understood"):
        from_compiled(b"[" * 200_000, "/etc/app.json")


def test_several_mistakes_are_one_line() -> None:
    said = _said({**KEPT, "declaration": {"app": {"path": "app", "mode": "9", "odd": 1}}})
    assert "\n" not in said
    assert said.count("; In ") == 2
