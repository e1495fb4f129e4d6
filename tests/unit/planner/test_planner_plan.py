# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan for one socket: what becomes of it, who can connect then, and what is refused."""

from __future__ import annotations

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.access import (
    Access,
    AccessRequest,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.account import (
    Credentials,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.acl import Acl
from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy.types import (
    Endpoint,
    Grant,
)
from unit.planner.facts import (
    BORN,
    PATH,
    STRANGER,
    USERS,
    chain,
    connects,
    declare,
    plan,
    planned,
    principal,
    problem,
    request,
    result,
)

NGINX, ALICE, BOB, CAROL = (USERS[name].credentials for name in ("nginx", "alice", "bob", "carol"))
CLOSED = Access(0, 0, Acl.from_mode(0o700))


def test_one_client_by_its_own_group() -> None:
    made = plan(declare("user nginx"))
    assert result(made) == Access(100, 33, Acl(7, 6, 0))
    assert made.memberships == ()
    assert connects(made, NGINX)
    assert not connects(made, STRANGER)


def test_entries_for_several_clients() -> None:
    made = plan(declare("user nginx", "group operators"))
    assert result(made) == Access(100, 100, Acl(7, 0, 0, ((33, 6),), ((700, 6),), 6))
    assert connects(made, NGINX)
    assert connects(made, Credentials(5000, 5000, frozenset({700})))
    # The owning group was not declared: what it had goes.
    assert not connects(made, Credentials(5000, 100))


def test_several_clients_of_one_declared_group_become_members() -> None:
    made = plan(declare("user nginx by group", "user alice by group", group="staff"))
    assert result(made) == Access(100, 500, Acl(7, 6, 0))
    # Alice is listed already, perhaps by an earlier run: the membership is asked for all the same,
    # so that it stays.
    assert made.memberships == (("nginx", "staff"), ("alice", "staff"))


def test_clients_of_a_group_that_does_not_exist_yet_are_no_mistake() -> None:
    # Check mode on a new host, where an earlier task would make the group.
    declared = declare("user nginx by group", "user alice by group", "user bob", group="later")
    made = plan(declared)
    assert made.memberships == ()
    assert connects(made, BOB)
    assert not connects(made, NGINX)


def test_the_primary_group_is_no_membership() -> None:
    made = plan(declare("user nginx by group", group="nginx"))
    assert made.memberships == ()


def test_a_declared_group_gets_in_also_without_a_grant() -> None:
    made = plan(declare(group="staff"))
    assert result(made) == Access(100, 500, Acl(7, 6, 0))
    assert connects(made, ALICE)


def test_owner_group_and_mode_as_declared() -> None:
    made = plan(declare(owner="carol", group="staff", mode=0o640))
    assert result(made) == Access(1003, 500, Acl(6, 4, 0))


def test_a_mode_for_everyone() -> None:
    made = plan(declare(mode=0o666))
    assert made.open_to_all
    assert connects(made, STRANGER)
    assert not plan(declare(mode=0o664)).open_to_all
    assert not plan(declare()).open_to_all


def test_a_socket_without_a_client_is_closed() -> None:
    made = plan(declare())
    assert result(made) == Access(100, 100, Acl(7, 0, 0))


def test_named_entries_that_nobody_declares_go_or_stay() -> None:
    found = Access(100, 100, Acl(6, 6, 0, ((77, 6),), ((88, 6),), 6))
    declared = declare("user nginx by acl")
    assert result(plan(declared, chain(found)), found).acl == Acl(6, 0, 0, ((33, 6),), (), 6)
    kept = plan(declared, chain(found), exclusive=False)
    assert result(kept, found).acl == Acl(6, 6, 0, ((33, 6), (77, 6)), ((88, 6),), 6)


def test_root_needs_no_entry() -> None:
    made = plan(declare("user root"))
    assert result(made) == Access(100, 100, Acl(7, 0, 0))


def test_a_number_that_nobody_has() -> None:
    made = plan(declare("user 4242", "group 4343"))
    assert result(made).acl == Acl(7, 0, 0, ((4242, 6),), ((4343, 6),), 6)


def test_a_number_that_nobody_has_cannot_be_a_member() -> None:
    said = problem(declare("user 4242 by group", group="staff"))
    assert PATH in said
    assert "user 4242" in said
    assert "acl" in said


def test_refused_although_the_group_is_allowed() -> None:
    made = plan(declare("group staff", refuse=("user bob",)))
    assert result(made) == Access(100, 500, Acl(7, 6, 0, ((1002, 0),), (), 6))
    assert connects(made, ALICE)
    assert not connects(made, BOB)


def test_refused_group_of_an_open_socket() -> None:
    made = plan(declare("user nginx", refuse=("group staff",), mode=0o606))
    assert dict(request(made).groups) == {500: 0}
    assert not connects(made, ALICE)
    assert connects(made, STRANGER)


def test_a_refusal_is_never_switched_off_by_an_empty_mask() -> None:
    # Linux asks the ACL only where the group bits, which are the mask, are not 0.
    made = plan(declare(refuse=("user bob",), mode=0o606))
    assert result(made).acl == Acl(6, 0, 6, ((1002, 0),), (), 6)
    assert not connects(made, BOB)
    assert connects(made, STRANGER)


def test_refused_and_not_getting_in_anyway_needs_no_entry() -> None:
    assert not request(plan(declare("user nginx", refuse=("user bob",)))).users


def test_every_refused_account_gets_an_entry_if_asked_to() -> None:
    made, problems = planned(declare("user nginx", refuse=("user bob",)), deny_all_refused=True)
    assert not problems
    assert request(made).users == {1002: 0}


def test_refused_but_let_in_by_something_else() -> None:
    said = problem(declare("user bob by acl", "group staff by acl", refuse=("group staff",)))
    assert "let" in said
    assert PATH in said


def test_root_cannot_be_refused() -> None:
    said = problem(declare(refuse=("user root",)))
    assert said.startswith("User root is to be refused")
    assert PATH in said


def test_a_primary_group_with_others_in_it() -> None:
    said = problem(declare("user shared by group"))
    assert PATH in said
    assert "users" in said
    assert "mallory would get in, too" in said
    assert "group: users" in said


def test_no_primary_group() -> None:
    said = problem(declare("user orphan by group"))
    assert "no group has that id" in said
    assert "user orphan" in said


def test_several_clients_and_no_group() -> None:
    said = problem(declare("user nginx by group", "user carol by group"))
    assert "2 clients" in said
    assert "group: NAME" in said


def test_two_groups() -> None:
    said = problem(declare("group staff by group", "group operators by group"))
    assert "one group only" in said
    assert "group staff and group operators" in said


def test_another_group_than_the_declared_one() -> None:
    said = problem(declare("group operators by group", group="staff"))
    assert "group staff" in said
    assert "group operators" in said
    assert "method: acl" in said


def test_a_group_and_a_user_by_group() -> None:
    made = plan(declare("group staff by group", "user carol by group"))
    assert result(made).gid == 500
    assert made.memberships == (("carol", "staff"),)


def test_mode_that_stops_the_method_group() -> None:
    said = problem(declare("user nginx by group", mode=0o600))
    assert said.startswith(f"User nginx would still be refused at {PATH}")


@pytest.mark.parametrize("grant", ["user app by acl", "user app by group", "user app"])
def test_a_grant_for_the_owner(grant: str) -> None:
    said = problem(declare(grant))
    assert said.startswith(f"User app owns the socket {PATH}")
    assert "declare another owner" in said


def test_a_refusal_for_the_owner() -> None:
    assert "owns the socket" in problem(declare(refuse=("user app",)))


def test_the_declared_owner_counts_not_the_one_of_now() -> None:
    assert "owns the socket" in problem(declare("user carol by acl", owner="carol"))
    made = plan(declare("user app by acl", owner="carol"))
    assert result(made).uid == 1003
    assert result(made).acl.users == ((100, 6),)


def test_no_acls_on_the_file_system() -> None:
    seen = chain(BORN, acl_support=False)
    said = problem(declare("user nginx by acl"), seen)
    assert PATH in said
    assert "keeps no POSIX ACLs" in said
    assert "method group" in said
    refusal = problem(declare("group staff", refuse=("user bob",)), seen)
    assert "keeps no POSIX ACLs" in refusal


def test_no_acls_where_the_socket_will_be() -> None:
    assert "keeps no POSIX ACLs" in problem(
        declare("user nginx by acl"), chain(None, acl_support=False)
    )


def test_a_socket_that_does_not_exist_is_planned_all_the_same() -> None:
    made = plan(declare("user nginx", "user carol"), chain(None))
    assert request(made).users == {33: 6, 1003: 6}
    assert [one.method for one in made.choices] == ["acl", "acl"]


def test_a_closed_parent_is_named_with_the_way_out() -> None:
    said = problem(declare("user nginx"), chain(BORN, directory=CLOSED))
    assert said.startswith(f"User nginx would still be refused at {PATH}")
    assert "open_parents: [/run/app]" in said


def test_a_closed_parent_of_a_socket_that_does_not_exist_yet() -> None:
    said = problem(declare("user nginx"), chain(None, directory=CLOSED))
    assert "open_parents: [/run/app]" in said


def _opening(label: str) -> Grant:
    return Grant(principal(label), open_parents=("/run/app",))


def test_an_opened_parent() -> None:
    made = plan(
        declare(_opening("user nginx"), _opening("group operators")), chain(BORN, directory=CLOSED)
    )
    assert dict(made.searches) == {"/run/app": AccessRequest(users={33: 1}, groups={700: 1})}


def test_a_parent_is_opened_for_a_socket_to_come() -> None:
    made = plan(declare(_opening("user nginx")), chain(None, directory=CLOSED))
    assert dict(made.searches["/run/app"].users) == {33: 1}


def test_a_parent_is_not_opened_for_its_owner_and_for_root() -> None:
    directory = Access(33, 33, Acl.from_mode(0o700))
    made = plan(
        declare(_opening("user nginx"), _opening("user root")), chain(BORN, directory=directory)
    )
    assert not made.searches


def test_a_parent_that_does_not_exist_yet() -> None:
    grant = Grant(principal("user nginx"), open_parents=("/run/app/later",))
    made = plan(declare(grant), chain(BORN))
    assert made.notes == ("/run/app/later does not exist yet, so it was not opened.",)


def test_a_parent_without_acls() -> None:
    dummy, problems = planned(
        declare(_opening("user nginx")),
        chain(BORN, directory=CLOSED, parents_acl_support=False),
    )
    assert "/run/app, on the way" in problems[0]
    assert "user nginx" in problems[0]


def test_all_problems_come_at_once() -> None:
    dummy, problems = planned(
        declare("user shared by group", "user app by acl"), chain(BORN, acl_support=False)
    )
    assert len(problems) == 3


def test_a_closed_parent_has_another_way_out_that_leaves_it_closed() -> None:
    said = problem(declare("user nginx"), chain(BORN, directory=CLOSED))
    assert "declare method: bind_mount, at: /run/app-nginx/app.sock in the grant" in said


def test_somebody_s_own_directory_is_never_offered_to_be_opened() -> None:
    said = problem(declare("user nginx"), chain(BORN, directory=CLOSED), private=("/run/app",))
    assert "open_parents" not in said
    assert "stays closed to others" in said
    assert "declare method: bind_mount, at: /run/app-nginx/app.sock in the grant" in said


def test_without_acls_and_without_a_group_a_second_socket_is_the_way_out() -> None:
    seen = chain(BORN, acl_support=False)
    said = problem(declare("user nginx", "user carol"), seen)
    assert "declare method: proxy, at: /run/app-nginx.sock in the grant" in said
    said = planned(declare("user nginx", mode=0o600), seen)[1][0]
    assert "declare method: proxy, at: /run/app-nginx.sock in the grant" in said
    # Who names the method is told about this method.
    assert "proxy" not in problem(declare("user nginx by acl"), seen)


def test_a_proxy_is_no_way_out_for_who_needs_identity() -> None:
    base = declare("user nginx", "user carol")
    seen = chain(BORN, acl_support=False)._replace(resolved="/run/user/7/pipewire-0")
    said = problem(base, seen)
    assert "A proxy would be no way out: PipeWire takes file descriptors" in said


AT = "/srv/app.sock"


def _elsewhere(who: str, method: str) -> Grant:
    return Grant(principal(who), method, endpoint=Endpoint(AT))


@pytest.mark.parametrize("who", ["group staff", "user alice"])
def test_where_the_inode_is_mounted_its_own_mode_is_foreseen(who: str) -> None:
    """With others let in nobody needs an entry, and the owning group is asked before others."""
    declared = declare(_elsewhere(who, "bind_mount"), group="staff", mode=0o606)
    seen = chain(BORN, directory=CLOSED)
    said = problem(declared, seen)
    assert said.startswith(f"{who.capitalize()} would still be refused at {AT}, where the inode of")
    assert "group staff" in said or "group 500" in said
    assert said.endswith("or leave both out for an entry of its own.")
    # Such an entry is asked first.
    plan(declare(_elsewhere(who, "bind_mount"), group="staff"), seen)
    plan(declare(_elsewhere(who, "bind_mount"), mode=0o666), seen)
    # Nobody knows yet, and the next run looks.
    plan(declared, chain())


@pytest.mark.parametrize("method", ["proxy", "gate"])
def test_what_connects_on_behalf_of_a_client_is_another_one(method: str) -> None:
    plan(declare(_elsewhere("group staff", method), group="staff", mode=0o606))
