# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who may come through a gate, on paper; and the file that says so."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.errors import AccessError
from ansible_collections.unixsocket.access.plugins.module_utils._engine.gate import RulesFile
from ansible_collections.unixsocket.access.plugins.module_utils._engine.gate.peer import Peer
from ansible_collections.unixsocket.access.plugins.module_utils._engine.gate.rules import (
    FOREIGN_PID,
    NO_IDENTITY,
    NOT_LISTED,
    OVERFLOW,
    from_json,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.keep.gate_units import (
    MAX_CONNECTIONS,
)

BASE: dict[str, Any] = {"name": "n", "path": "/run/n.sock", "type": "stream", "forward": "/run/b"}
NAMES = {"www-data": 33, "12": 99}
OVERFLOWN = frozenset({65534})


def rules(**more: Any) -> Any:
    data = {key: value for key, value in {**BASE, **more}.items() if value is not None}
    return from_json(data, NAMES.get, {"crew": 50}.get)


def refusal(one: Any, uid: int, gid: int, pid: int = 7, groups: tuple[int, ...] = ()) -> Any:
    return one.refusal(Peer(uid, gid, pid), lambda: groups, OVERFLOWN)


def test_names_and_ids_are_resolved() -> None:
    one = rules(users=["www-data", 5, "7", "12", "gone", "٣"], groups=["crew", "away", 6])
    # A name made of digits is a name first, as everywhere (chown(1)).
    assert one.users == {33, 5, 7, 99}
    assert one.groups == {50, 6}
    assert one.unresolved == ("user gone", "user ٣", "group away")


def test_names_are_asked_of_the_host() -> None:
    one = from_json({**BASE, "users": ["root", "no-such"], "groups": ["root", "no-such"]})
    assert (one.users, one.groups) == ({0}, {0})
    assert one.unresolved == ("user no-such", "group no-such")


@pytest.mark.parametrize(
    ("peer", "why"),
    [
        ((33, 1), None),
        ((34, 1), NOT_LISTED),
        ((34, 50), None),
        ((34, 1, 7, (50,)), None),
        ((34, 1, 7, (51, 33)), NOT_LISTED),
        ((0, 0), NOT_LISTED),
        ((33, 1, 0), FOREIGN_PID),
        ((33, 1, -1), FOREIGN_PID),
        ((33, 1, 1), None),
        ((65534, 1), OVERFLOW),
        ((33, 65534), OVERFLOW),
        ((0xFFFFFFFF, 1), NO_IDENTITY),
        ((33, 0xFFFFFFFF), NO_IDENTITY),
        ((-1, 50), NO_IDENTITY),
    ],
)
def test_who_may_come_in(peer: Any, why: str | None) -> None:
    assert refusal(rules(users=["www-data", 65534], groups=["crew"]), *peer) == why


def test_nobody_may_come_in_where_nobody_is_listed() -> None:
    assert refusal(rules(), 0, 0) == NOT_LISTED


def test_what_can_be_allowed_on_purpose() -> None:
    one = rules(users=[65534], allow_overflow=True, allow_foreign_pid=True)
    assert refusal(one, 65534, 65534, 0) is None
    assert refusal(one, 65534, 65534, -1) == FOREIGN_PID
    assert refusal(one, 0xFFFFFFFF, 1, 0) == NO_IDENTITY


def test_groups_that_cannot_be_read_are_not_taken_for_none() -> None:
    def fails() -> tuple[int, ...]:
        raise OSError("no")

    one = rules(users=[33], groups=["crew"])
    with pytest.raises(OSError, match="no"):
        one.refusal(Peer(34, 1, 7), fails, OVERFLOWN)
    # Where no group may come in, they decide nothing.
    assert rules(users=[33]).refusal(Peer(34, 1, 7), fails, OVERFLOWN) == NOT_LISTED


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"surprise": 1}, "no key 'surprise'"),
        ({"name": None}, "name must be"),
        ({"name": ""}, "name must be"),
        ({"name": 5}, "name must be"),
        ({"path": "/run/a\0b"}, "path must be"),
        ({"type": "dgram"}, "stream or seqpacket"),
        ({"type": ["stream"]}, "type must be"),
        ({"forward": None}, "either forward or command"),
        ({"command": ["/bin/true"]}, "either forward or command"),
        ({"forward": "run/b"}, "absolute"),
        ({"forward": "/" + "é" * 54}, "107 bytes"),
        ({"forward": None, "command": []}, "a list"),
        ({"forward": None, "command": "/bin/true"}, "a list"),
        ({"forward": None, "command": ["true"]}, "absolute"),
        ({"forward": None, "command": ["/bin/true", 1]}, "texts"),
        ({"forward": None, "command": ["/bin/true", "a\0b"]}, "texts"),
        ({"users": "www-data"}, "list of names"),
        ({"users": [True]}, "neither"),
        ({"users": [1.0]}, "neither"),
        ({"users": [""]}, "neither"),
        ({"users": [-1]}, "no id"),
        ({"users": [0xFFFFFFFF]}, "no id"),
        ({"groups": ["4294967295"]}, "no id"),
        ({"allow_overflow": 1}, "true or false"),
        ({"max_message": 0}, "whole number"),
        ({"max_message": 212_001}, "whole number"),
        ({"max_connections": True}, "whole number"),
        ({"max_connections": "5"}, "whole number"),
        ({"max_connections": 1_000_001}, "whole number"),
        ({"max_connections_per_user": 1_000_001}, "whole number"),
        ({"at_once": 10_001}, "whole number"),
        ({"at_once_per_user": 10_001}, "whole number"),
        ({"time_limit": 0}, "seconds"),
        ({"time_limit": float("nan")}, "seconds"),
        ({"time_limit": "30"}, "seconds"),
        ({"time_limit": True}, "seconds"),
        ({"time_limit": 86400.5}, "seconds"),
    ],
)
def test_what_cannot_be_understood_is_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises(AccessError, match=said):
        rules(**change)


@pytest.mark.parametrize(
    "change",
    [
        {"forward": "/" + "x" * 106},
        {"users": [0, 0xFFFFFFFE]},
        {"max_message": 1, "at_once": 1, "at_once_per_user": 1},
        {"max_connections": 1, "max_connections_per_user": 1},
        {"max_connections": 1_000_000, "max_connections_per_user": 1_000_000},
        {"max_message": 212_000, "at_once": 10_000, "at_once_per_user": 10_000},
        {"time_limit": 86400, "request_seconds": 0.001, "finish_seconds": 1},
    ],
)
def test_the_least_and_the_most_are_understood(change: dict[str, Any]) -> None:
    one = rules(**change)
    wanted = {key: frozenset(value) if key == "users" else value for key, value in change.items()}
    assert {key: getattr(one, key) for key in wanted} == wanted


def test_what_is_not_said_is_as_the_page_tells() -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "gate.md").read_text()
    told = dict(re.findall(r"^\| `(\w+)` \| (\d+|one less)\b", page, re.MULTILINE))
    one = rules()
    assert told.pop("at_once_per_user") == "one less"
    assert one.at_once_per_user == one.at_once - 1
    assert told == {
        key: f"{getattr(one, key):g}"
        for key in (
            *("max_connections", "max_connections_per_user", "max_message"),
            *("request_seconds", "time_limit", "at_once"),
        )
    }
    # So many descriptors its unit has.
    assert one.max_connections == MAX_CONNECTIONS


def test_the_last_place_is_not_one_users() -> None:
    assert rules().at_once_per_user == 7
    assert rules(at_once=3).at_once_per_user == 2
    assert rules(at_once=1).at_once_per_user == 1
    assert rules(at_once=3, at_once_per_user=3).at_once_per_user == 3


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "n.gate.json"
    path.write_text(json.dumps({**BASE, "users": [1]}))
    return path


def replace(path: Path, text: str) -> None:
    beside = path.with_name("new")
    beside.write_text(text)
    os.rename(beside, path)


def test_changed_rules_are_seen_once_a_second(file: Path) -> None:
    said: list[tuple[str, bool]] = []
    source = RulesFile(str(file))
    source.say = lambda text, problem: said.append((text, problem))
    assert source.current(100).users == {1}
    replace(file, json.dumps({**BASE, "users": [2, "no-such-user"]}))
    assert source.current(100.5).users == {1}
    assert source.current(101.1).users == {2}
    assert [problem for dummy, problem in said] == [False, True]
    assert "no-such-user" in said[1][0]
    # Said once, not at every look.
    replace(file, json.dumps({**BASE, "users": [3, "no-such-user"]}))
    assert source.current(103).users == {3}
    assert len(said) == 3


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "not JSON"),
        ("[]", "one JSON object"),
        ("[" * 100_000, "not JSON"),
        (json.dumps({**BASE, "users": 1}), "list of names"),
        (json.dumps({**BASE, "type": "seqpacket"}), "type of a gate cannot change"),
        (json.dumps({**BASE, "path": "/run/other"}), "path of a gate cannot change"),
        (
            json.dumps({key: BASE[key] for key in ("name", "path", "type")} | {"command": ["/x"]})
            if hasattr(dict, "__or__")
            else "",
            "cannot turn",
        ),
        (" " * (1 << 20) + json.dumps(BASE), "larger"),
        ('{"name": "\xff', "not JSON"),
    ],
)
def test_rules_that_cannot_be_understood_leave_the_old_ones(
    file: Path, text: str, why: str
) -> None:
    said: list[tuple[str, bool]] = []
    source = RulesFile(str(file))
    source.say = lambda text, problem: said.append((text, problem))
    replace(file, text)
    source.reread()
    assert source.current(0).users == {1}
    ((sentence, problem),) = said
    assert why in sentence
    assert "stay in force" in sentence
    assert problem


def test_rules_that_cannot_be_understood_are_told_once(file: Path) -> None:
    said: list[str] = []
    source = RulesFile(str(file))
    source.say = lambda text, problem: said.append(text)
    replace(file, "{")
    for now in (100, 102, 104):
        assert source.current(now).users == {1}
    assert len(said) == 1


def test_rules_that_are_gone_leave_the_old_ones(file: Path) -> None:
    source = RulesFile(str(file))
    file.unlink()
    source.reread()
    assert source.current(0).users == {1}
    with pytest.raises(AccessError, match="cannot be read"):
        RulesFile(str(file))
