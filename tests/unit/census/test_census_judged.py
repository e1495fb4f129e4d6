# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One answer for each kind of identity is the answer for everyone of that kind."""

from __future__ import annotations

import random

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.census.judged import (
    Judges,
    reach_of_abstract,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.census.people import People
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.access import Access
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.account import (
    Credentials,
    User,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.acl import Acl
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.chain import (
    DIRECTORY,
    SOCKET,
    STICKY,
    SYMLINK,
    Chain,
    Component,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.words import Numbers
from ansible_collections.unixsocket.access.plugins.module_utils._engine.reach import judge

STRANGER = Credentials(99999, 99999)


def _acl(rng: random.Random) -> Acl:
    bits = [rng.randrange(8) for dummy in range(3)]
    if rng.random() < 0.5:
        return Acl(*bits)
    users = tuple((uid, rng.randrange(8)) for uid in sorted(rng.sample(range(1000, 1012), 2)))
    groups = tuple((gid, rng.randrange(8)) for gid in sorted(rng.sample(range(2000, 2005), 2)))
    return Acl(*bits, users, groups, rng.choice([0, 1, 6, 7]))


def _chain(rng: random.Random, number: int) -> Chain:
    def component(path: str, kind: str) -> Component:
        uid, gid = rng.choice([0, *range(1000, 1006)]), rng.choice([0, *range(2000, 2005)])
        return Component(path, kind, Access(uid, gid, _acl(rng)))

    top = Component("/", DIRECTORY, Access(0, 0, Acl.from_mode(0o755)))
    path = f"/d/{number}"
    return Chain(path, (top, component("/d", DIRECTORY), component(path, SOCKET)), resolved=path)


def test_shared_answers_are_everyones_own() -> None:
    rng = random.Random(7)
    users = [User("root", Credentials(0, 0))] + [
        User(
            f"u{uid}",
            Credentials(uid, rng.choice([uid, 2001]), frozenset(rng.sample(range(2000, 2008), 3))),
        )
        for uid in range(1000, 1040)
    ]
    groups = tuple((str(gid), gid) for gid in range(2000, 2008))
    judges = Judges(People(tuple(users), groups, STRANGER), Numbers())
    answers = set()
    for number in range(120):
        chain = _chain(rng, number)
        for dummy in range(2):  # The second time it is remembered.
            reach = judges.reach(chain)
            assert reach.everyone == judge(chain, STRANGER).allowed
            for user in users:
                differs = user.name in (reach.refused_users if reach.everyone else reach.users)
                assert (differs != reach.everyone) == judge(chain, user.credentials).allowed
            for name, gid in groups:
                differs = name in (reach.refused_groups if reach.everyone else reach.groups)
                allowed = judge(chain, Credentials(STRANGER.uid, gid)).allowed
                assert (differs != reach.everyone) == allowed
            answers.add(reach.everyone)
    assert answers == {True, False}


def _fixed(mode: int, path: str = "/d/s", uid: int = 0) -> Chain:
    top = Component("/", DIRECTORY, Access(0, 0, Acl.from_mode(0o755)))
    above = Component("/d", DIRECTORY, Access(0, 2000, Acl.from_mode(0o750)))
    leaf = Component(path, SOCKET, Access(uid, 2000, Acl.from_mode(mode)))
    return Chain(path, (top, above, leaf), resolved=path)


def test_what_closes_it_and_why() -> None:
    users = (User("root", Credentials(0, 0)), User("bob", Credentials(1000, 2000)))
    judges = Judges(People(users, (("staff", 2000),), STRANGER), Numbers())
    reach = judges.reach(_fixed(0o660))
    assert (reach.everyone, reach.users, reach.groups) == (False, ("root", "bob"), ("2000",))
    assert [one.path for one in reach.closed_by] == ["/d"]
    assert reach.reason.startswith("Somebody else may not search the directory /d, because")
    assert "99999" not in reach.reason
    # A numeric owner who has no account is named all the same.
    numbered = judges.reach(_fixed(0o600, uid=0))
    assert numbered.users == ("root",)


def test_ways_that_differ_in_one_thing_share_no_answer() -> None:
    judges = Judges(People((User("bob", Credentials(1000, 2000)),), (), STRANGER), Numbers())
    assert judges.reach(_fixed(0o660)).users == ("0", "bob")[1:]
    assert judges.reach(_fixed(0o600)).users == ()


@pytest.mark.parametrize("mode", [0o666, 0o606])
def test_who_is_refused_where_everyone_else_is_let_in(mode: int) -> None:
    top = Component("/", DIRECTORY, Access(0, 0, Acl.from_mode(0o755)))
    leaf = Component("/s", SOCKET, Access(0, 2000, Acl.from_mode(mode)))
    judges = Judges(People((User("bob", Credentials(1000, 2000)),), (), STRANGER), Numbers())
    reach = judges.reach(Chain("/s", (top, leaf), resolved="/s"))
    refused = ("bob",) if mode == 0o606 else ()
    assert (reach.everyone, reach.users, reach.refused_users) == (True, (), refused)
    assert reach.refused_groups == (("2000",) if refused else ())


def test_ways_through_links_share_no_answer() -> None:
    """Of the same links and directories, the last link of a path alone is followed with a condition."""
    users = (User("bob", Credentials(1000, 1000)), User("carol", Credentials(1001, 1001)))
    judges = Judges(People(users, (), STRANGER), Numbers())
    roots = Access(0, 0, Acl.from_mode(0o755))

    def way(path: str, target: str) -> Chain:
        link = Access(1000, 1000, Acl.from_mode(0o777))
        parts = (
            Component("/", DIRECTORY, roots),
            Component("/t", DIRECTORY, Access(0, 0, Acl.from_mode(0o777)), special=STICKY),
            Component("/t/l", SYMLINK, link, target=target),
            Component("/d", DIRECTORY, roots),
            Component("/d/s", SOCKET, Access(0, 0, Acl.from_mode(0o666))),
        )
        return Chain(path, parts, resolved="/d/s", protected_symlinks=True)

    ends_in_it = judges.reach(way("/t/l", "/d/s"))
    passes_it = judges.reach(way("/t/l/s", "/d"))
    assert (ends_in_it.everyone, ends_in_it.users) == (False, ("bob",))
    assert (passes_it.everyone, passes_it.users, passes_it.refused_users) == (True, (), ())


def test_an_abstract_name() -> None:
    reach = reach_of_abstract()
    assert reach.everyone
    assert "network namespace" in reach.reason
