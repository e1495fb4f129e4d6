# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The two methods alone: clients in, demands out."""

from __future__ import annotations

from ansible_collections.unixsocket.access.plugins.module_utils._engine.methods import acl, group
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.access import (
    AccessRequest,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.account import Group
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.plan import Demand
from unit.planner.facts import BORN, GROUPS, USERS, chain, client, declare, facts_of

DECLARED = declare()
FACTS = facts_of(DECLARED)


def test_without_clients_nothing_is_wanted() -> None:
    for demand in (
        group.demand(DECLARED, FACTS, []),
        acl.demand(DECLARED, FACTS, []),
        acl.refusal(DECLARED, FACTS, []),
    ):
        assert demand == Demand()


def test_nothing_wanted_needs_no_acls() -> None:
    without = facts_of(DECLARED, chain(BORN, acl_support=False))
    assert acl.demand(DECLARED, without, []) == Demand()
    assert acl.refusal(DECLARED, without, []) == Demand()


def test_an_entry_each() -> None:
    clients = [client("user nginx"), client("group staff")]
    demand = acl.demand(DECLARED, FACTS, clients)
    assert demand == Demand(AccessRequest(users={33: 6}, groups={500: 6}))
    refusal = acl.refusal(DECLARED, FACTS, clients)
    assert refusal == Demand(AccessRequest(users={33: 0}, groups={500: 0}))


def test_the_group_of_one_client() -> None:
    assert group.demand(DECLARED, FACTS, [client("user nginx")]) == Demand(
        AccessRequest(gid=33, group_obj=6)
    )


def test_a_declared_group_that_does_not_exist_gives_nothing_and_no_other_is_taken() -> None:
    # In check mode on a new host, or in a hook after the group was removed; both told elsewhere.
    declared = declare("user nginx", "user alice", group="app-clients")
    for clients in ([client("user nginx")], [client("user nginx"), client("user alice")]):
        assert group.demand(declared, FACTS, clients) == Demand()


def test_a_declared_mode_says_what_the_group_may() -> None:
    declared = declare("user nginx", mode=0o620)
    demand = group.demand(declared, facts_of(declared), [client("user nginx")])
    assert demand.access == AccessRequest(gid=33)


def test_a_group_is_private_to_a_user() -> None:
    nginx, alice = USERS["nginx"], USERS["alice"]
    assert group.private_to(GROUPS["nginx"], nginx)
    assert group.private_to(Group("empty", 5), nginx)
    assert not group.private_to(GROUPS["staff"], alice)
    assert not group.private_to(GROUPS["nginx"], alice)


def test_the_message_counts_no_more_than_five_others() -> None:
    members = frozenset(f"user{number}" for number in range(100)) | {"shared"}
    crowded = client("user shared")
    crowded = type(crowded)(crowded.label, crowded.account, Group("users", 600, members))
    (said,) = group.demand(DECLARED, FACTS, [crowded]).problems
    assert said.count("user") < 12
    assert "would get in, too" in said
