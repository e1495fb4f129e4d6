# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Groups that nobody is told to join for one socket."""

from __future__ import annotations

import pwd
from types import SimpleNamespace

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.diagnose import (
    not_to_join,
    relation,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.diagnose.declared import (
    Declared,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.account import (
    Credentials,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.chain import Chain
from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy import (
    Principal,
    validate,
)
from unit.reach.chains import ALICE, acl, chain, inode, socket_at

NAMES = {0: "root", 110: "disk", 111: "sudo", 112: "docker", 500: "crew", 600: "shop"}
NAMES |= {1000: "anna", 1500: "berta"}
WHO = Credentials(ALICE, ALICE)
PATH = "/run/app.sock"


class Names:
    def user_name(self, uid: int) -> str:
        return "alice" if uid == ALICE else str(uid)

    def group_name(self, gid: int) -> str:
        return NAMES.get(gid, str(gid))


@pytest.fixture(autouse=True)
def _people(monkeypatch: pytest.MonkeyPatch) -> None:
    """Users by the names of groups; the first one of them is not in the group of its name."""
    users = {"crew": (2000, 100), "shop": (600, 600), "anna": (1000, 1000), "berta": (1500, 1500)}

    def getpwnam(name: str) -> SimpleNamespace:
        uid, gid = users[name]
        return SimpleNamespace(pw_uid=uid, pw_gid=gid)

    monkeypatch.setattr(pwd, "getpwnam", getpwnam)


def owned_by(gid: int, *named: int) -> Chain:
    held = acl(0o660, groups=dict.fromkeys(named, 6), mask=6 if named else None)
    return chain(PATH, inode("/run", 0o755, 0, 500), socket_at(PATH, held, 0, gid))


@pytest.mark.parametrize("gid", [0, 110, 111, 112, 1000, 1500])
def test_a_group_that_gives_more_than_the_socket(gid: int) -> None:
    assert not_to_join(owned_by(gid), WHO, Names()) == {0, gid}
    assert not_to_join(owned_by(500, gid), WHO, Names()) == {0, gid}


def test_a_group_for_the_purpose_or_of_a_service() -> None:
    """A user of its name makes it nobody's own: he is not in it, or is no person."""
    for gid in (500, 600, 777):
        assert not_to_join(owned_by(gid), WHO, Names()) == {0}


def test_an_id_without_a_name_joins_none() -> None:
    assert not_to_join(owned_by(600, 777), Credentials(4711, 4711), Names()) == {0, 500, 600, 777}


@pytest.mark.parametrize(
    ("keys", "apart"),
    [
        ({}, {600, 777}),
        ({"group": "shop"}, {777}),
        ({"allow": [{"group": "777"}]}, {600}),
        ({"allow": [{"group": "shop"}, {"user": "777"}]}, {777}),
    ],
)
def test_of_a_declared_socket_only_what_is_declared(
    keys: dict[str, object], apart: set[int]
) -> None:
    (policy,) = validate({"app": {"path": PATH, **keys}}).sockets
    known = relation([Declared("app", policy)], [PATH], Principal("user", "alice"), [])
    assert not_to_join(owned_by(600, 777), WHO, Names(), known) == {0, *apart}
    nothing = Chain(PATH, owned_by(600).components[:-1], missing=PATH)
    assert not_to_join(nothing, WHO, Names(), known) == {0}
    # Nothing is done at a socket that is only passed on.
    passed_on = relation(
        [Declared("app", policy, untouched=True)], [PATH], Principal("user", "alice"), []
    )
    assert not_to_join(owned_by(600, 777), WHO, Names(), passed_on) == {0}
