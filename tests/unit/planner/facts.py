# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host on paper: sockets, directories and accounts as the planner gets them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.access import (
    Access,
    AccessRequest,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.account import (
    Credentials,
    Group,
    User,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.acl import Acl
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.chain import (
    DIRECTORY,
    SOCKET,
    Chain,
    Component,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.facts import (
    PrincipalFacts,
    SocketFacts,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.plan import SocketPlan
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.words import Numbers
from ansible_collections.unixsocket.access.plugins.module_utils._engine.planner.plan import (
    plan_socket,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy.types import (
    Grant,
    Principal,
    SocketPolicy,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.reach import judge
from ansible_collections.unixsocket.access.plugins.module_utils._engine.resources.inode_access import (
    SocketAccess,
)

PATH = "/run/app/app.sock"
STRANGER = Credentials(2_000_000, 2_000_000)


def _user(name: str, uid: int, *groups: int) -> User:
    return User(name, Credentials(uid, uid, frozenset({uid, *groups})))


# name: account; every user has a primary group of its own with the same number.
USERS = {
    one.name: one
    for one in (
        _user("root", 0),
        _user("app", 100),
        _user("nginx", 33),
        _user("alice", 1001, 500),
        _user("bob", 1002, 500),
        _user("carol", 1003),
        User("4242", Credentials(4242, 4242), known=False),
        # A user whose primary group has other members.
        User("shared", Credentials(1004, 600, frozenset({600}))),
        # A user whose primary group no longer exists.
        User("orphan", Credentials(1005, 999, frozenset({999}))),
    )
}
GROUPS = {
    one.name: one
    for one in (
        *(Group(name, user.uid, frozenset({name})) for name, user in USERS.items() if user.known),
        Group("staff", 500, frozenset({"alice", "bob"})),
        Group("users", 600, frozenset({"shared", "mallory"})),
        Group("operators", 700, frozenset()),
        Group("4343", 4343, frozenset(), known=False),
    )
    if one.name not in ("shared", "orphan")
}
_BY_GID = {group.gid: group for group in GROUPS.values()}


def principal(label: str) -> Principal:
    kind, dummy, name = label.partition(" ")
    return Principal(kind, name)


def client(label: str) -> PrincipalFacts:
    """Return what the survey would find out about "user NAME" or "group NAME"."""
    one = principal(label)
    if one.kind == "group":
        return PrincipalFacts(label, GROUPS[one.name])
    user = USERS[one.name]
    primary = _BY_GID.get(user.credentials.gid) if user.known else None
    return PrincipalFacts(label, user, primary)


def chain(
    access: Access | None = None,
    *,
    directory: Access | None = None,
    acl_support: bool = True,
    parents_acl_support: bool = True,
) -> Chain:
    """Return /run/app/app.sock; without ``access`` the socket does not exist."""
    root = Access(0, 0, Acl.from_mode(0o755))
    parts = [
        Component("/", DIRECTORY, root),
        Component("/run", DIRECTORY, root, acl_support=parents_acl_support),
        Component("/run/app", DIRECTORY, directory or root, acl_support=parents_acl_support),
    ]
    if access is None:
        parts[-1] = parts[-1]._replace(acl_support=acl_support)
        return Chain(PATH, tuple(parts), missing=PATH, resolved=PATH)
    leaf = Component(PATH, SOCKET, access, acl_support=acl_support)
    return Chain(PATH, (*parts, leaf), resolved=PATH)


BORN = Access(100, 100, Acl.from_mode(0o755))


def declare(
    *grants: str | Grant,
    refuse: tuple[str, ...] = (),
    owner: str | None = None,
    group: str | None = None,
    mode: int | None = None,
) -> SocketPolicy:
    """Return a declaration; a grant as text is "user NAME" or "user NAME by METHOD"."""
    allow = []
    for one in grants:
        if isinstance(one, str):
            label, dummy, method = one.partition(" by ")
            one = Grant(principal(label), method or "auto")
        allow.append(one)
    return SocketPolicy(
        "app",
        PATH,
        owner=owner,
        group=group,
        mode=mode,
        allow=tuple(allow),
        refuse=tuple(principal(label) for label in refuse),
    )


def facts_of(
    declared: SocketPolicy,
    seen: Chain | None = None,
    *,
    before: Mapping[str, str] | None = None,
    unit: str | None = None,
    private: Collection[str] = (),
) -> SocketFacts:
    """Return what the survey would find; ``before`` are methods of an earlier run by principal."""
    known = before or {}
    return SocketFacts(
        seen or chain(BORN),
        USERS[declared.owner] if declared.owner else None,
        GROUPS.get(declared.group) if declared.group else None,
        tuple(
            client(who)._replace(before=known.get(who))
            for who in (str(grant.principal) for grant in declared.allow)
        ),
        tuple(client(str(one)) for one in declared.refuse),
        unit=unit,
        private=frozenset(private),
    )


def planned(
    declared: SocketPolicy,
    seen: Chain | None = None,
    *,
    exclusive: bool = True,
    deny_all_refused: bool = False,
    **known: Any,
) -> tuple[SocketPlan, list[str]]:
    return plan_socket(
        declared,
        facts_of(declared, seen, **known),
        Numbers(),
        STRANGER,
        exclusive=exclusive,
        deny_all_refused=deny_all_refused,
    )


def plan(
    declared: SocketPolicy, seen: Chain | None = None, *, exclusive: bool = True, **known: Any
) -> SocketPlan:
    """Return the plan of what has no problem."""
    made, problems = planned(declared, seen, exclusive=exclusive, **known)
    assert not problems, problems
    return made


def problem(declared: SocketPolicy, seen: Chain | None = None, **known: Any) -> str:
    """Return the one problem of a declaration."""
    dummy, problems = planned(declared, seen, **known)
    assert len(problems) == 1, problems
    return problems[0]


def request(made: SocketPlan) -> AccessRequest:
    assert made.access is not None
    return made.access


def result(made: SocketPlan, base: Access = BORN) -> Access:
    """Return what the socket becomes by a plan."""
    return SocketAccess(PATH, None, Numbers()).wanted(base, {"socket app": request(made)})


def connects(made: SocketPlan, who: Credentials, base: Access = BORN) -> bool:
    return judge(chain(result(made, base)), who).allowed
