# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Clients that will be refused once a run has closed their socket: the words, and who they are."""

from __future__ import annotations

import random
from typing import cast

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine import shut_out
from ansible_collections.unixsocket.access.plugins.module_utils._engine.closing import (
    END,
    POLICY,
    TASK,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.converge.steps import Step
from ansible_collections.unixsocket.access.plugins.module_utils._engine.endpoints import take_apart
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host import processes
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.holders import Holders
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.pinned import Pin
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.processes import (
    Process,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.access import (
    Access,
    may_narrow,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.account import (
    Credentials,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.acl import WRITE, Acl
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.plan import SocketPlan
from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy.types import (
    Endpoint,
    Grant,
    Principal,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.reach.permission import (
    decide,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.report import Seen
from ansible_collections.unixsocket.access.plugins.module_utils._engine.resources.inode_access import (
    SocketAccess,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.shut_out_words import (
    Client,
    in_words,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.survey import Surveyed
from ansible_collections.unixsocket.access.plugins.module_utils._engine.task import Task
from unit.planner.facts import GROUPS, PATH, STRANGER, USERS, chain, declare, facts_of

OPEN, CLOSED = (Access(100, 100, Acl.from_mode(mode)) for mode in (0o777, 0o660))


def process(
    user: str, pid: int = 812, unit: str | None = "shop.service", groups: tuple[int, ...] = ()
) -> Process:
    """Return a running process of a user on paper."""
    uid = USERS[user].uid
    return Process(pid, "shop", uid, frozenset({uid, *groups}), 0.0, unit)


def client(user: str, pid: int = 812, at: str | None = None, **how: str | None) -> Client:
    known = process("carol", pid, **how)
    return Client(known, user, at)


def test_one_client() -> None:
    assert in_words(PATH, [client("shop")], POLICY) == (
        "This client of the socket /run/app/app.sock is connected now and will be refused when it "
        "connects anew: shop (pid 812, shop.service) of user shop; declare it (allow: [{user: "
        "shop}]), or let it be so."
    )


def test_several_clients_of_which_one_has_a_grant_elsewhere() -> None:
    some = [client("shop"), client("4242", 9, unit=None), client("reports", 10, "/run/r.sock")]
    assert in_words(PATH, some, POLICY) == (
        "These clients of the socket /run/app/app.sock are connected now and will be refused when "
        "they connect anew: shop (pid 812, shop.service) of user shop, shop (pid 9, no unit) of "
        "user 4242 and shop (pid 10, shop.service) of user reports; let user reports connect at "
        "/run/r.sock, where the grant is, declare the others (allow: [{user: shop}, {user: "
        '"4242"}]), or let it be so.'
    )
    only = in_words(PATH, [client("reports", 10, "/run/r.sock")], POLICY)
    assert only.endswith("connect at /run/r.sock, where the grant is, or let it be so.")


def test_a_pool_hides_nobody_and_users_have_an_end() -> None:
    pool = [client("www-data", pid) for pid in range(20)]
    said = in_words(PATH, [*pool, client("shop", 99)], POLICY)
    assert "(pid 0, shop.service) of user www-data, " in said
    assert "(pid 99, shop.service) of user shop, " in said
    assert "(pid 1, shop.service) of user www-data and 18 more; declare them (" in said
    assert said.endswith("(allow: [{user: www-data}, {user: shop}]), or let it be so.")
    many = [client(f"user{number}", number) for number in range(5)]
    said = in_words(PATH, many, POLICY)
    assert said.endswith("[{user: user0}, {user: user1}, {user: user2}, ...]), or let it be so.")
    assert in_words(PATH, many, TASK).endswith(
        "(user user0, user user1, user user2, ...), or let it be so."
    )
    said = in_words(PATH, many[:3], POLICY)
    assert said.endswith("[{user: user0}, {user: user1}, {user: user2}]), or let it be so.")
    assert "more" not in said
    assert "user user2 and 1 more;" in in_words(PATH, many[:4], POLICY)


def test_a_task_for_one_socket_has_no_key_allow() -> None:
    said = in_words(PATH, [client("shop"), client("reports", 3)], TASK)
    assert said.endswith("; let them in with this task (user shop, user reports), or let it be so.")


def test_what_ends_is_to_go_on() -> None:
    said = in_words(PATH, [client("shop")], END)
    assert said.endswith("of user shop; go on declaring what lets it in, or let it be so.")


def test_a_name_with_a_line_break_forges_no_line() -> None:
    one = client("shop")
    forged = one._replace(process=one.process._replace(name="a\nAll is well."))
    assert "\n" not in in_words(PATH, [forged], POLICY)


class _Accounts:
    user, group = staticmethod(USERS.get), staticmethod(GROUPS.get)


class _Names:
    def user_name(self, uid: int) -> str:
        return next(one.name for one in USERS.values() if one.uid == uid)

    def group_name(self, gid: int) -> str:
        return str(gid)


class _Pin:
    def descriptor(self, path: str) -> None:
        return None


@pytest.fixture
def connected(monkeypatch: pytest.MonkeyPatch) -> list[Process]:
    """Those who are connected to the socket."""
    found: list[Process] = []
    monkeypatch.setattr(shut_out, "Accounts", _Accounts)
    monkeypatch.setattr(shut_out, "_sees_otherwise", lambda pid: False)
    monkeypatch.setattr(
        shut_out, "_connected", lambda closing: {PATH: shut_out._Connected(tuple(found), 0)}
    )
    return found


def _told(
    *grants: Grant | str,
    memberships: tuple[tuple[str, str], ...] = (),
    moving: tuple[Grant, ...] = (),
    after: Access = CLOSED,
) -> list[str]:
    declared = declare(*grants)
    parts = take_apart(Task(declared, "socket app"))
    one = Surveyed(parts.here.declared, facts_of(declared, chain(OPEN)), cast(Pin, _Pin()))
    seen = Seen(parts, None, parts.here, one)
    seen.plan = SocketPlan((), None, memberships, {}, False)
    step = Step(SocketAccess(PATH, None, _Names()), OPEN, after, None)
    return shut_out.shut_out([seen], [step], moving, (), STRANGER, _Names())


def test_who_gets_a_group_in_this_run_is_told_of_as_a_process_that_lacks_it(
    connected: list[Process],
) -> None:
    connected += [process("alice", 1), process("carol", 2)]
    after = CLOSED._replace(gid=500)
    (said,) = _told("user alice", memberships=(("alice", "staff"),), after=after)
    assert "(pid 2, " in said
    assert "(pid 1, " not in said


def test_a_client_whose_grant_is_at_another_path(connected: list[Process]) -> None:
    connected.append(process("carol"))
    grant = Grant(Principal("user", "carol"), "proxy", endpoint=Endpoint("/run/r.sock"))
    (said,) = _told(grant, "user alice")
    assert "let user carol connect at /run/r.sock, where the grant is, or let it be so." in said
    # It is there already, at what becomes something else in this run.
    assert _told(grant, "user alice", moving=(grant,)) == []
    connected.append(process("nginx", 2))
    (said,) = _told(grant, "user alice")
    assert "let user carol connect at /run/r.sock, where the grant is, declare the others (" in said
    (said,) = _told(grant, "user alice", moving=(grant,))
    assert "(pid 812, " not in said


def test_a_client_whose_group_has_a_grant_at_another_path(connected: list[Process]) -> None:
    connected += [process("carol", 1, groups=(500,)), process("nginx", 2)]
    grant = Grant(Principal("group", "staff"), "proxy", endpoint=Endpoint("/run/r.sock"))
    (said,) = _told(grant, "user alice")
    assert "let user carol connect at /run/r.sock, where the grant is, declare the others" in said
    assert "(allow: [{user: nginx}])" in said
    (said,) = _told(grant, "user alice", moving=(grant,))
    assert "(pid 2, " in said
    assert "(pid 1, " not in said


def test_our_own_proxies_and_the_daemon_are_no_strangers(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {
        1: process("carol", 1, "socket-access-proxy-app.service"),
        2: process("app", 2, "app.service"),
        3: process("carol", 3),
        4: None,
    }
    monkeypatch.setattr(processes, "process", known.__getitem__)
    holders = Holders()
    holders.found = {10: {1: 5}, 11: {3: 5, 2: 7}, 12: {4: 3}, 20: {2: 6}}
    assert shut_out._known({10, 11, 12, 13}, {20}, holders) == ((known[3],), 0)
    holders.hidden = [99]
    assert shut_out._known({10, 11, 12, 13}, {20}, holders).hidden == 1


def _random_access(rng: random.Random) -> Access:
    def bits() -> int:
        return rng.choice([0, 2, 4, 6])

    users = tuple((uid, bits()) for uid in (1, 2, 3) if rng.random() < 0.4)
    groups = tuple((gid, bits()) for gid in (11, 12, 13) if rng.random() < 0.4)
    mask = bits() if users or groups or rng.random() < 0.2 else None
    acl = Acl(bits(), bits(), bits(), users, groups, mask)
    return Access(rng.choice([0, 1, 2]), rng.choice([11, 12]), acl)


def test_where_it_does_not_narrow_nobody_loses() -> None:
    rng = random.Random(7)
    wide = 0
    for dummy in range(20_000):
        before, after = _random_access(rng), _random_access(rng)
        if may_narrow(before, after, WRITE):
            continue
        wide += 1
        for uid in (1, 2, 3, 4):
            for gids in ((14,), (11,), (12,), (13,), (11, 12), (12, 13), (11, 12, 13)):
                who = Credentials(uid, 14, frozenset(gids))
                lost = decide(before, who, WRITE).allowed and not decide(after, who, WRITE).allowed
                assert not lost, (before, after, who)
    assert wide > 100


def test_what_narrows() -> None:
    assert may_narrow(OPEN, CLOSED, WRITE)
    assert not may_narrow(CLOSED, OPEN, WRITE)
    assert not may_narrow(CLOSED, CLOSED, WRITE)
    assert not may_narrow(CLOSED, CLOSED._replace(acl=Acl(6, 6, 0, ((33, 6),), (), 6)), WRITE)
    # Root loses nothing when the socket is given away.
    assert not may_narrow(Access(0, 0, Acl(6, 0, 0)), Access(33, 0, Acl(6, 0, 0)), WRITE)
    assert may_narrow(OPEN, OPEN._replace(acl=Acl(6, 6, 6, ((33, 0),), (), 6)), WRITE)
