# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""In which order things change, so that nothing is open meanwhile that was closed and will be."""

from __future__ import annotations

import pytest
from hypothesis import given

from ansible_collections.unixsocket.access.plugins.module_utils._engine.host import (
    accounts,
    commands,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.access import (
    Access,
    AccessRequest,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.acl import Acl
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.words import Numbers
from ansible_collections.unixsocket.access.plugins.module_utils._engine.reach.permission import (
    decide,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.resources.inode_access import (
    DirectoryAccess,
    SocketAccess,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.resources.membership import (
    Membership,
    MembershipRequest,
)
from unit.resources.values import accesses, everyone, searches

SOCKET = SocketAccess("/run/app/s", None, Numbers())
DIRECTORY = DirectoryAccess("/run/app", None, Numbers())
BORN = Access(0, 0, Acl(7, 5, 0))
EVERYONE = everyone()


def _directory(before: Access, *users: int) -> Access:
    return DIRECTORY.wanted(before, {"one": AccessRequest(users=dict.fromkeys(users, 1))})


def test_what_closes_comes_first_and_what_opens_comes_last() -> None:
    opened = _directory(BORN, 33)
    sockets = SOCKET.place(BORN, BORN)
    joins, leaves = Membership("u", "g").place(False, True), Membership("u", "g").place(True, False)
    assert leaves < sockets < joins
    assert DIRECTORY.place(opened, BORN) < sockets < DIRECTORY.place(BORN, opened)


@pytest.mark.parametrize("held", [0, 4])
def test_an_entry_that_was_there_and_gains_search_opens_as_well(held: int) -> None:
    before = Access(0, 0, Acl(7, 5, 0, ((33, held),), (), 5))
    opened = _directory(before, 33)
    assert decide(opened, EVERYONE[0], 4).allowed == decide(before, EVERYONE[0], 4).allowed
    assert DIRECTORY.place(before, opened) > SOCKET.place(BORN, BORN)
    assert DIRECTORY.place(opened, before) < SOCKET.place(BORN, BORN)


@given(searches, accesses)
def test_a_directory_that_opens_for_anyone_opens_last(
    request: AccessRequest, before: Access
) -> None:
    after = DIRECTORY.wanted(before, {"one": request})
    opens = any(
        decide(after, who, 1).allowed and not decide(before, who, 1).allowed for who in EVERYONE
    )
    if opens:
        assert DIRECTORY.place(before, after) > SOCKET.place(before, after)


def test_keys_tell_things_apart() -> None:
    keys = {SOCKET.key, DIRECTORY.key, DirectoryAccess("/run/app/s", None, Numbers()).key}
    keys |= {Membership("a", "b").key, Membership("b", "a").key}
    assert len(keys) == 5


def test_an_inode_that_does_not_exist() -> None:
    assert SOCKET.read() is None
    assert SOCKET.identity() is None
    assert SOCKET.in_words(None) == "/run/app/s: does not exist\n"


def test_changes_in_words() -> None:
    after = Access(5, 6, Acl(6, 0, 0, ((33, 6),), ((44, 0),), 6))
    assert SOCKET.changes(BORN, after) == [
        "/run/app/s: owner changes from 0 to 5.",
        "/run/app/s: group changes from 0 to 6.",
        "/run/app/s: user: changes from rwx to rw-.",
        "/run/app/s: user:33 changes from no entry to rw-.",
        "/run/app/s: group: changes from r-x to ---.",
        "/run/app/s: group:44 changes from no entry to ---.",
        "/run/app/s: mask: changes from no entry to rw-.",
    ]
    assert SOCKET.changes(after, BORN)[-1] == ("/run/app/s: mask: changes from rw- to no entry.")
    assert SOCKET.changes(BORN, BORN) == []


@given(accesses, accesses)
def test_a_difference_is_always_told(one: Access, two: Access) -> None:
    assert bool(SOCKET.changes(one, two)) == (one != two)
    assert (SOCKET.in_words(one) == SOCKET.in_words(two)) == (one == two)


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """A host whose group ``web`` has the member ``alice``, and the tools called on it."""
    members = {"alice"}
    calls: list[tuple[str, ...]] = []

    def run(arguments: tuple[str, ...], *, seconds: float, purpose: str) -> str:
        calls.append(arguments)
        assert "web" in purpose
        change = members.add if arguments[1] == "--add" else members.discard
        change(arguments[2])
        return ""

    monkeypatch.setattr(commands, "run", run)
    monkeypatch.setattr(accounts, "is_listed_member", lambda user, group: user in members)
    return calls


def test_a_membership_is_made_and_ended_once(called: list[tuple[str, ...]]) -> None:
    one = Membership("bob", "web")
    assert one.read() is False
    one.write(True)
    one.write(True)
    assert one.read() is True
    one.write(False)
    assert called == [
        ("gpasswd", "--add", "bob", "--", "web"),
        ("gpasswd", "--delete", "bob", "--", "web"),
    ]


def test_a_membership_that_was_there_stays_after_undo() -> None:
    one = Membership("alice", "web")
    assert one.without_us(True, True, True) is True
    assert one.without_us(True, False, True) is False
    # Somebody else ended it since.
    assert one.without_us(False, False, True) is False
    assert one.wanted(False, {"a": MembershipRequest(1.0, False)}) is True


def test_a_membership_remembers_since_when_it_is_asked_for() -> None:
    one = Membership("alice", "web")
    request = MembershipRequest(1.5, True)
    assert one.request_from_json(one.request_to_json(request)) == request
    for adds in (True, False):
        again = one.merge(request, MembershipRequest(9.0, False), adds=adds)
        assert again == MembershipRequest(1.5, False)
    assert one.state_from_json(one.state_to_json(True)) is True
    assert "alice" in one.in_words(True)
    assert one.in_words(True) != one.in_words(False)
    assert one.changes(False, True) == ["User alice becomes a member of group web."]
    assert one.changes(True, False) == ["User alice is no longer a member of group web."]
