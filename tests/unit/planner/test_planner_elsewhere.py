# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``auto`` at another path: bind mount, proxy or gate, why, what was rejected, and what stays."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.unixsocket.access.plugins.module_utils._engine.errors import AccessError
from ansible_collections.unixsocket.access.plugins.module_utils._engine.methods.identity import (
    lost_by_proxy,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.facts import (
    PlaceFacts,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.plan import Choice
from ansible_collections.unixsocket.access.plugins.module_utils._engine.planner.elsewhere import (
    choose_place,
    line_for,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy import (
    Endpoint,
    Grant,
    Principal,
    SocketPolicy,
    validate,
)

WWW = Principal("user", "www")
AT = "/srv/www/app.sock"
LOST = lost_by_proxy("/run/user/1000/pipewire-0")
PLAIN = PlaceFacts(type="stream")
METHODS = ("bind_mount", "proxy", "gate")


def end(at: str = AT, who: Principal = WWW, **keys: Any) -> Grant:
    return Grant(who, endpoint=Endpoint(at, **keys))


def choose(*grants: Grant, facts: PlaceFacts = PLAIN, **keys: Any) -> Choice:
    """Return the choice for the endpoint of the first grant."""
    grants = grants or (end(),)
    declared = SocketPolicy("app", "/run/app/app.sock", allow=grants, **keys)
    here = [one for one in grants if one.endpoint == grants[0].endpoint]
    return choose_place(declared, here, facts)


def said(choice: Choice) -> dict[str, str]:
    return {one.method: one.reason for one in choice.rejected}


def test_nothing_else_is_declared_so_the_socket_is_left_alone() -> None:
    choice = choose()
    assert choice.method == "proxy"
    assert "leaves the socket and whoever else connects to it as they are" in choice.reason
    assert "would close the socket to whoever else" in said(choice)["bind_mount"]
    assert set(said(choice)) == {"bind_mount", "gate"}


@pytest.mark.parametrize("keys", [{"mode": 0o660}, {"group": "app"}, {"owner": "app"}])
def test_the_access_of_the_socket_is_declared_anyway(keys: dict[str, Any]) -> None:
    choice = choose(**keys)
    assert choice.method == "bind_mount"
    assert "talks to its client directly" in choice.reason
    assert "adds no process" in said(choice)["proxy"]


def test_a_grant_at_the_socket_itself_means_that_it_is_managed() -> None:
    assert choose(end(), Grant(Principal("user", "db"))).method == "bind_mount"


def test_several_endpoints_have_rights_of_their_own() -> None:
    choice = choose(end(), end("/srv/db/app.sock", Principal("user", "db")), mode=0o660)
    assert choice.method == "proxy"
    assert "rights of its own" in choice.reason
    assert "2 endpoints" in said(choice)["bind_mount"]


def test_who_asks_for_identity_or_descriptors_gets_no_proxy() -> None:
    choice = choose(facts=PLAIN._replace(lost=LOST))
    assert choice.method == "bind_mount"
    assert "PipeWire takes file descriptors" in choice.reason
    assert "which no proxy or gate passes on" in said(choice)["proxy"]
    assert said(choice)["gate"] == said(choice)["proxy"]


def test_a_proxy_for_such_a_daemon_needs_the_word_for_it() -> None:
    lost = PLAIN._replace(lost=LOST, can_mount=False)
    with pytest.raises(AccessError, match="lose_identity: true") as caught:
        choose(facts=lost)
    for word in ("user www", "/run/app/app.sock", AT, "PipeWire", "CAP_SYS_ADMIN"):
        assert word in str(caught.value)
    assert choose(end(lose_identity=True), facts=lost).method == "proxy"


@pytest.mark.parametrize(
    ("keys", "method"),
    [
        ({"engine": "socat"}, "proxy"),
        ({"max_message": 100}, "gate"),
        ({"max_connections_per_user": 4}, "gate"),
        ({"mount_as": "root"}, "bind_mount"),
        ({"directory_mode": 0o710}, "bind_mount"),
    ],
)
def test_a_key_that_one_method_has_a_use_for(keys: dict[str, Any], method: str) -> None:
    choice = choose(end(**keys))
    assert choice.method == method
    (key,) = keys
    assert key in choice.reason
    only = f"{key} is declared, and it means something for {method} only."
    assert set(said(choice).values()) == {only}


def test_many_connections_are_for_a_gate() -> None:
    assert choose(end(max_connections=512)).method == "proxy"
    choice = choose(end(max_connections=513))
    assert choice.method == "gate"
    assert "513 connections at once would be as many processes" in said(choice)["proxy"]
    assert choice.reason == "It serves any number of connections in one process."


def test_without_socat_a_gate_is_left() -> None:
    choice = choose(facts=PLAIN._replace(socat=False))
    assert choice.method == "gate"
    assert choice.reason == "It needs no program besides the engine of this collection."
    assert "socat is not installed" in said(choice)["proxy"]
    assert choose(
        end(engine="systemd-socket-proxyd"), facts=PLAIN._replace(socat=False)
    ).method == ("proxy")


def test_the_proxy_of_systemd_is_for_streams() -> None:
    proxyd = end(engine="systemd-socket-proxyd")
    assert choose(proxyd, facts=PLAIN._replace(type=None)).method == "proxy"
    with pytest.raises(AccessError, match="systemd-socket-proxyd passes on streams only"):
        choose(proxyd, facts=PLAIN._replace(type="seqpacket"))
    assert choose(end(engine="socat"), facts=PLAIN._replace(type="seqpacket")).method == "proxy"


@pytest.mark.parametrize("accepted", [True, False])
def test_the_loss_of_identity_is_a_way_out_once(accepted: bool) -> None:
    nothing = PLAIN._replace(lost=LOST, can_mount=False, systemd=False)
    with pytest.raises(AccessError) as caught:
        choose(end(lose_identity=accepted), facts=nothing)
    assert ("declare lose_identity: true" in str(caught.value)) is not accepted


def test_datagrams_only_go_through_a_mount() -> None:
    choice = choose(facts=PLAIN._replace(type="dgram"))
    assert choice.method == "bind_mount"
    assert "datagrams" in said(choice)["proxy"]


@pytest.mark.parametrize(
    ("facts", "word"),
    [
        (PLAIN._replace(owners=("user www",)), "User www owns the socket"),
        (PLAIN._replace(can_mount=False), "CAP_SYS_ADMIN"),
        (PLAIN._replace(acl_support=False), "no POSIX ACLs"),
    ],
)
def test_what_no_mount_can_do(facts: PlaceFacts, word: str) -> None:
    choice = choose(facts=facts, group="app")
    assert choice.method == "proxy"
    assert word in said(choice)["bind_mount"]


def test_a_mode_for_everyone_needs_no_entry() -> None:
    assert choose(facts=PLAIN._replace(acl_support=False), mode=0o666).method == "bind_mount"


def test_no_account_that_could_connect() -> None:
    nobody = {"proxy": "Nobody may.", "gate": "Nobody may."}
    choice = choose(facts=PLAIN._replace(no_account=nobody))
    assert choice.method == "bind_mount"
    assert said(choice)["proxy"] == "Nobody may."


def test_no_systemd() -> None:
    assert choose(facts=PLAIN._replace(systemd=False)).method == "bind_mount"


def test_open_parents_are_for_what_makes_a_socket_of_its_own() -> None:
    opening = end()._replace(open_parents=("/srv/www",))
    choice = choose(opening, mode=0o660)
    assert choice.method == "proxy"
    assert "open_parents is declared" in said(choice)["bind_mount"]


ALL_FACTS = [
    PlaceFacts(type_, lost, acl, (), {}, mount, systemd, socat)
    for type_, lost, acl, mount, systemd, socat in itertools.product(
        (None, "stream", "seqpacket", "dgram"), (None, LOST), *[(True, False)] * 4
    )
]


@pytest.mark.parametrize("keys", [{}, {"mode": 0o660}])
def test_the_same_facts_give_the_same_choice_and_what_worked_stays(keys: dict[str, Any]) -> None:
    """Whatever was chosen is kept while it can do it, however the facts turn."""
    made = []
    for facts in ALL_FACTS:
        try:
            first = choose(facts=facts, **keys)
        except AccessError:
            continue
        made.append(first.method)
        again = choose(facts=facts._replace(before=first.method), **keys)
        assert (again.method, again.reason, again.rejected) == (
            first.method,
            first.reason,
            first.rejected,
        )
        assert not again.changed
        # A proxy never stands before who needs more than a proxy gives.
        assert not (facts.lost and first.method != "bind_mount")
        for before in METHODS:
            kept = choose(facts=facts._replace(before=before), **keys)
            if kept.method != before:
                assert kept.changed
                assert said(kept)[before]
                assert kept.method == first.method
            elif before != first.method:
                assert "that still works" in kept.reason
                assert f"Chosen anew it would be a {first.method}" in kept.reason
    assert set(made) == set(METHODS)


@pytest.mark.parametrize(("before", "keys"), [("proxy", {"mode": 0o660}), ("bind_mount", {})])
def test_what_works_is_not_made_anew(before: str, keys: dict[str, Any]) -> None:
    assert choose(**keys).method != before
    choice = choose(facts=PLAIN._replace(before=before), **keys)
    assert (choice.method, choice.changed) == (before, False)
    assert said(choice)[choose(**keys).method] == "What works is not made anew."


def test_every_method_is_chosen_or_rejected_with_a_sentence() -> None:
    refused = []
    for facts in ALL_FACTS:
        try:
            choice = choose(facts=facts)
        except AccessError as error:
            refused.append(str(error))
            continue
        assert {choice.method, *said(choice)} == set(METHODS)
        assert all(reason.endswith(".") for reason in (choice.reason, *said(choice).values()))
    assert refused
    assert all(f"{method}: " in error for error in refused for method in METHODS)


@given(st.text(min_size=1, max_size=64), st.sampled_from(METHODS))
def test_the_line_to_add_is_one_that_can_be_declared(name: str, method: str) -> None:
    declared = SocketPolicy("x" * 64, "/run/" + "y" * 100)
    line = line_for(method, declared, Principal("user", name))
    words = dict(part.split(": ") for part in line.split(", "))
    validate({"app": {"path": declared.path, "allow": [{"user": "www", **words}]}})
