# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``auto``: which method each client gets, for which reason, and what was rejected for it."""

from __future__ import annotations

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.access import Access
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.acl import Acl
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.plan import Choice
from unit.planner.facts import BORN, chain, declare, plan, result


def _choice(*grants: str, **keys: object) -> Choice:
    acl_support = bool(keys.pop("acl_support", True))
    made = plan(declare(*grants, **keys), chain(BORN, acl_support=acl_support))  # type: ignore[arg-type]
    return made.choices[0]


def _rejected(choice: Choice) -> dict[str, str]:
    return {one.method: one.reason for one in choice.rejected}


def test_root_needs_nothing_whatever_method_is_named() -> None:
    for grant in ("user root", "user root by acl", "user root by group"):
        choice = _choice(grant)
        assert choice.method == "reachable"
        assert "root" in choice.reason


def test_a_named_method_is_taken() -> None:
    choice = _choice("user nginx by acl")
    assert (choice.method, choice.rejected) == ("acl", ())
    assert choice.reason == "The declaration names this method."


@pytest.mark.parametrize("mode", [0o666, 0o602, 0o777])
def test_a_mode_for_everyone_is_enough(mode: int) -> None:
    choice = _choice("user nginx", mode=mode)
    assert choice.method == "reachable"
    assert f"{mode:04o}" in choice.reason


def test_read_for_everyone_is_not_enough() -> None:
    # connect(2) needs write permission only, so 0664 lets nobody else in.
    assert _choice("user nginx", mode=0o664).method != "reachable"


def test_the_only_client_gives_its_own_primary_group() -> None:
    choice = _choice("user nginx")
    assert choice.method == "group"
    assert "nginx" in choice.reason
    assert "nobody's membership changes" in choice.reason
    assert list(_rejected(choice)) == ["reachable"]


def test_the_only_client_is_a_group() -> None:
    assert _choice("group operators").method == "group"


@pytest.mark.parametrize(
    ("client", "reason"),
    [
        ("user shared", "Its primary group users has other members."),
        ("user orphan", "Its primary group does not exist."),
        ("user 4242", "Its primary group does not exist."),
    ],
)
def test_no_private_primary_group(client: str, reason: str) -> None:
    choice = _choice(client)
    assert choice.method == "acl"
    assert _rejected(choice)["group"] == reason
    assert client in choice.reason


def test_several_clients_get_an_entry_each() -> None:
    made = plan(declare("user nginx", "user carol", "group operators"))
    assert [one.method for one in made.choices] == ["acl"] * 3
    assert _rejected(made.choices[0])["group"] == (
        "A socket has one group, and 3 principals are declared."
    )
    assert "reachable" in _rejected(made.choices[0])


def test_a_member_of_the_declared_group_is_in_already() -> None:
    choice = _choice("user alice", group="staff")
    assert choice.method == "group"
    assert "in the declared group staff already" in choice.reason


def test_the_declared_group_itself() -> None:
    assert _choice("group staff", group="staff").method == "group"


def test_another_group_than_the_declared_one() -> None:
    choice = _choice("group operators", group="staff")
    assert choice.method == "acl"
    assert "staff is declared" in _rejected(choice)["group"]


def test_nobody_becomes_a_member_of_the_declared_group_by_auto() -> None:
    choice = _choice("user carol", group="staff")
    assert choice.method == "acl"
    assert "everything else that this group may do" in _rejected(choice)["group"]


def test_a_declared_mode_that_stops_the_group() -> None:
    choice = _choice("user alice", group="staff", mode=0o640)
    assert choice.method == "acl"
    assert "0640 stops the group" in _rejected(choice)["group"]


def test_a_declared_mode_that_stops_any_group_without_a_declared_group() -> None:
    choice = _choice("user nginx", mode=0o600)
    assert choice.method == "acl"
    assert "0600 stops the group" in _rejected(choice)["group"]
    assert _choice("group operators", mode=0o600).method == "acl"


def test_without_acls_on_the_file_system_only_a_group_is_left() -> None:
    choice = _choice("user carol", group="staff", acl_support=False)
    assert choice.method == "group"
    assert _rejected(choice)["acl"] == "The file system keeps no POSIX ACLs."
    assert "carol" in choice.reason


@pytest.mark.parametrize("declared", [declare("user nginx"), declare("user alice", "user bob")])
def test_the_choice_is_the_same_after_a_run(declared: object) -> None:
    first = plan(declared)  # type: ignore[arg-type]
    after = result(first)
    assert after != BORN
    second = plan(declared, chain(after))  # type: ignore[arg-type]
    assert second.choices == first.choices
    assert result(second, after) == after


def test_what_is_on_the_socket_does_not_decide() -> None:
    wide_open = Access(100, 33, Acl(6, 6, 6, ((33, 6),), (), 6))
    assert (
        plan(declare("user nginx"), chain(wide_open)).choices == plan(declare("user nginx")).choices
    )
