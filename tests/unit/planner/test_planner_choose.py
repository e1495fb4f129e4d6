# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``auto``: which method each client gets, for which reason, and what was rejected for it."""

from __future__ import annotations

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.access import Access
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.acl import Acl
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.chain import Chain
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.plan import Choice
from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy.types import (
    SocketPolicy,
)
from unit.planner.facts import BORN, chain, declare, plan, planned, result


def _choice(*grants: str, **keys: object) -> Choice:
    acl_support = bool(keys.pop("acl_support", True))
    made = plan(declare(*grants, **keys), chain(BORN, acl_support=acl_support))
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


@pytest.mark.parametrize("grant", ["user alice", "group staff"])
def test_a_mode_for_everyone_but_the_group_is_not_enough_for_who_is_in_it(grant: str) -> None:
    choice = _choice(grant, mode=0o646, group="staff")
    assert choice.method == "acl"
    assert "everyone connect but the socket's group" in _rejected(choice)["reachable"]
    assert _choice("user nginx", mode=0o646, group="staff").method == "reachable"
    assert _choice(grant, mode=0o666, group="staff").method == "reachable"


def test_the_group_that_the_socket_has_counts_where_none_is_declared() -> None:
    assert _choice("group app", mode=0o606).method == "acl"
    assert _choice("user nginx", mode=0o606).method == "reachable"


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
    first = plan(declared)
    after = result(first)
    assert after != BORN
    second = plan(declared, chain(after))
    assert second.choices == first.choices
    assert result(second, after) == after


def test_what_is_on_the_socket_does_not_decide() -> None:
    wide_open = Access(100, 33, Acl(6, 6, 6, ((33, 6),), (), 6))
    assert (
        plan(declare("user nginx"), chain(wide_open)).choices == plan(declare("user nginx")).choices
    )


def test_native_options_are_named_or_rejected() -> None:
    by_socket = plan(declare("user nginx"), unit="app.socket").choices[0]
    assert by_socket.method == "group"
    assert "app.socket makes the socket with it" in by_socket.reason
    by_service = plan(declare("user nginx"), unit="app.service").choices[0]
    assert "app.service" not in by_service.reason
    for unit, word in (
        (None, "not known which unit"),
        ("app.service", "only .socket units"),
        ("app.socket", "no entry for one name"),
    ):
        made = plan(declare("user nginx", "user carol"), unit=unit)
        assert word in _rejected(made.choices[0])["native"]


def test_what_an_earlier_run_chose_stays_while_it_works() -> None:
    # Two clients came one after the other: the first keeps what it has.
    made = plan(declare("user nginx", "user carol"), before={"user nginx": "group"})
    assert [one.method for one in made.choices] == ["group", "acl"]
    assert "An earlier run let it in so" in made.choices[0].reason
    assert "Chosen anew it would be acl" in made.choices[0].reason
    assert not any(one.changed for one in made.choices)
    # One of two went: the other keeps its entry.
    left = plan(declare("user nginx"), before={"user nginx": "acl"}).choices[0]
    assert (left.method, left.changed) == ("acl", False)
    assert _rejected(left)["group"] == "What works is not made anew."


@pytest.mark.parametrize(
    ("declared", "seen", "before", "method"),
    [
        # Two that had a declared group once, and now there is none.
        (declare("user nginx", "user carol"), None, "group", "acl"),
        # The group of another declaration does not have this client.
        (declare("user carol", group="staff"), None, "group", "acl"),
        (declare("user nginx", mode=0o600), None, "group", "acl"),
        (declare("user shared"), None, "group", "acl"),
        (declare("user nginx"), chain(BORN, acl_support=False), "acl", "group"),
        (declare("user nginx", mode=0o666), None, "acl", "reachable"),
    ],
)
def test_what_does_not_work_any_more_is_changed_and_told(
    declared: SocketPolicy, seen: Chain | None, before: str, method: str
) -> None:
    known = {str(grant.principal): before for grant in declared.allow}
    choice = plan(declared, seen, before=known).choices[0]
    assert (choice.method, choice.before, choice.changed) == (method, before, True)


def test_a_named_method_is_nobody_s_choice() -> None:
    choice = plan(declare("user nginx by acl"), before={"user nginx": "group"}).choices[0]
    assert (choice.method, choice.changed) == ("acl", False)


@pytest.mark.parametrize(
    "declared",
    [
        declare("user nginx"),
        declare("user nginx", "user carol"),
        declare("user alice", "user carol", group="staff"),
        declare("group staff", "user carol by group"),
    ],
)
def test_a_choice_that_is_kept_is_told_as_it_was_made(declared: SocketPolicy) -> None:
    first = plan(declared)
    known = {
        str(grant.principal): choice.method for grant, choice in zip(declared.allow, first.choices)
    }
    second = plan(declared, before=known)
    assert [(one.method, one.reason, one.rejected) for one in second.choices] == [
        (one.method, one.reason, one.rejected) for one in first.choices
    ]


def test_a_socket_that_is_not_there_yet_has_no_group_that_would_stop_anybody() -> None:
    made = plan(declare("group app", mode=0o606), chain())
    assert made.choices[0].method == "reachable"


def test_what_stays_is_not_among_what_was_rejected() -> None:
    declared = declare("user nginx", "user carol")
    made = plan(declared, before={"user nginx": "group"})
    assert made.choices[0].method == "group"
    assert _rejected(made.choices[0]) == {
        "reachable": "Nothing else that is declared lets it connect.",
        "native": "It is not known which unit makes the socket.",
        "acl": "What works is not made anew.",
    }


def test_two_that_had_the_group_before_cannot_both_keep_it() -> None:
    declared = declare("user nginx", "user carol by group", "user bob by acl")
    made = planned(declared, before={"user nginx": "group"})[0]
    assert made.choices[0].method == "acl"
    alone = plan(
        declare("user nginx", "user carol"), before={"user nginx": "group", "user carol": "acl"}
    )
    assert [one.method for one in alone.choices] == ["group", "acl"]
