# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The laws of the access of an inode: what is wanted, what is left without us, who gains what."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from ansible_collections.unixsocket.access.plugins.module_utils._engine.errors import AccessError
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.access import (
    Access,
    AccessRequest,
    merge,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.account import (
    Credentials,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.acl import (
    Acl,
    entries_of,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.words import Numbers
from ansible_collections.unixsocket.access.plugins.module_utils._engine.reach.permission import (
    decide,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.resources.inode_access import (
    DirectoryAccess,
    InodeAccess,
    SocketAccess,
)
from unit.resources.values import (
    IDS,
    accesses,
    bits,
    everyone,
    ids,
    processes,
    searches,
    socket_requests,
)

SOCKET = SocketAccess("/run/app.sock", None, Numbers())
DIRECTORY = DirectoryAccess("/run", None, Numbers())

EVERYONE = everyone()
WRITE, EXECUTE = 2, 1


def _may(access: Access, who: Credentials, want: int) -> bool:
    return decide(access, who, want).allowed


@st.composite
def _cases(draw: st.DrawFn) -> tuple[InodeAccess, AccessRequest]:
    """A socket with any request, or a directory with one for searching it."""
    if draw(st.booleans()):
        return SOCKET, draw(socket_requests)
    return DIRECTORY, draw(searches)


@given(_cases(), accesses)
def test_undo_is_exact(case: tuple[InodeAccess, AccessRequest], before: Access) -> None:
    resource, request = case
    applied = resource.wanted(before, {"one": request})
    assert resource.without_us(applied, before, applied) == before


@given(_cases(), accesses)
def test_a_second_run_wants_the_same(
    case: tuple[InodeAccess, AccessRequest], before: Access
) -> None:
    resource, request = case
    applied = resource.wanted(before, {"one": request})
    base = resource.without_us(applied, before, applied)
    assert resource.wanted(base, {"one": request}) == applied


@given(socket_requests, accesses, accesses)
def test_whatever_others_did_since_is_closed_again(
    request: AccessRequest, before: Access, foreign: Access
) -> None:
    """From any state in between, the declared classes and entries come back."""
    applied = SOCKET.wanted(before, {"one": request})
    again = SOCKET.wanted(SOCKET.without_us(foreign, before, applied), {"one": request})
    assert again.acl.other == (request.other or 0)
    assert dict(again.acl.users).items() >= dict(request.users).items()
    assert dict(again.acl.groups).items() >= dict(request.groups).items()
    if request.exclusive:
        assert dict(again.acl.users) == dict(request.users)
        assert dict(again.acl.groups) == dict(request.groups)
        assert again.acl.group_obj == (request.group_obj or 0)


_SCALARS = ("user_obj", "group_obj", "other")


@given(_cases(), accesses, st.sampled_from(("uid", "gid", *_SCALARS)), st.integers(0, 3))
def test_what_others_changed_since_is_left(
    case: tuple[InodeAccess, AccessRequest], before: Access, part: str, value: int
) -> None:
    resource, request = case
    applied = resource.wanted(before, {"one": request})
    part_of: Any = applied.acl if part in _SCALARS else applied
    assume(getattr(part_of, part) != value)
    changed: dict[str, Any] = {part: value}
    if part in _SCALARS:
        now = applied._replace(acl=applied.acl._replace(**changed))
        expected = before._replace(acl=before.acl._replace(**changed))
    else:
        now = applied._replace(**changed)
        expected = before._replace(**changed)
    assert resource.without_us(now, before, applied) == expected


@given(_cases(), accesses, st.booleans(), ids, bits)
def test_an_entry_that_others_added_or_changed_is_left(
    case: tuple[InodeAccess, AccessRequest], before: Access, user: bool, number: int, held: int
) -> None:
    resource, request = case
    applied = resource.wanted(before, {"one": request})
    entries = dict(applied.acl.users if user else applied.acl.groups)
    assume(entries.get(number) != held)
    changed = entries_of({**entries, number: held})
    acl = applied.acl._replace(users=changed) if user else applied.acl._replace(groups=changed)
    if acl.mask is None:
        acl = acl.with_recalculated_mask()
    left = resource.without_us(applied._replace(acl=acl), before, applied)
    assert dict(left.acl.users if user else left.acl.groups)[number] == held
    others = dict(before.acl.users if user else before.acl.groups)
    others.pop(number, None)
    assert dict(left.acl.users if user else left.acl.groups).items() >= others.items()
    assert left.acl.mask is not None


@given(
    socket_requests,
    st.tuples(bits, bits, bits).map(lambda classes: Acl(*classes)),
    st.integers(0, 0o777),
)
@example(AccessRequest(users={1: 6}), Acl(7, 5, 5), 0o600)
def test_chmod_of_others_leaves_no_mask_behind(
    request: AccessRequest, born: Acl, mode: int
) -> None:
    """A daemon that changes the mode of its socket rewrites the mask; no ACL may outlive undo."""
    before = Access(1, 1, born)
    applied = SOCKET.wanted(before, {"one": request})
    left = SOCKET.without_us(applied._replace(acl=_chmod(applied.acl, mode)), before, applied)
    assert left.acl.minimal
    if applied.acl.mask is not None and mode >> 3 & 7 != applied.acl.mask:
        assert left.acl.group_obj == mode >> 3 & 7


@given(
    searches, st.tuples(bits, bits, bits).map(lambda classes: Acl(*classes)), st.integers(0, 0o777)
)
def test_chmod_of_a_directory_leaves_no_mask_behind(
    request: AccessRequest, born: Acl, mode: int
) -> None:
    before = Access(1, 1, born)
    applied = DIRECTORY.wanted(before, {"one": request})
    left = DIRECTORY.without_us(applied._replace(acl=_chmod(applied.acl, mode)), before, applied)
    assert left.acl.minimal


def _chmod(acl: Acl, mode: int) -> Acl:
    """Return what chmod(2) makes of an ACL: the group bits are the mask's, if there is one."""
    group: dict[str, Any] = (
        {"group_obj": mode >> 3 & 7} if acl.mask is None else {"mask": mode >> 3 & 7}
    )
    return acl._replace(user_obj=mode >> 6 & 7, other=mode & 7, **group)


@given(socket_requests, accesses)
def test_who_is_refused_by_name_stays_out(request: AccessRequest, before: Access) -> None:
    after = SOCKET.wanted(before, {"one": request})
    if after.acl.users or after.acl.groups:
        # Linux asks an ACL only where the group bits, which are the mask, are not 0.
        assert after.acl.mask != 0
    for who in EVERYONE:
        if request.users.get(who.uid) == 0 and who.uid != after.uid:
            assert not _may(after, who, WRITE), who


@given(socket_requests, accesses)
def test_who_is_allowed_by_name_gets_in(request: AccessRequest, before: Access) -> None:
    after = SOCKET.wanted(before, {"one": request})
    for who in EVERYONE:
        if who.uid == after.uid:
            continue
        by_group = any(request.groups.get(gid) for gid in who.groups)
        if request.users.get(who.uid) or (by_group and who.uid not in dict(after.acl.users)):
            assert _may(after, who, WRITE), who


@given(socket_requests, accesses)
def test_an_exclusive_socket_is_closed_to_all_others(
    request: AccessRequest, before: Access
) -> None:
    request = request._replace(exclusive=True)
    after = SOCKET.wanted(before, {"one": request})
    for who in EVERYONE:
        named = who.uid in request.users or any(gid in request.groups for gid in who.groups)
        classes = request.group_obj, request.other
        if who.uid == after.uid or named or any((one or 0) & WRITE for one in classes):
            continue
        assert not _may(after, who, WRITE), who


@given(searches, accesses)
def test_nobody_undeclared_gains_anything_on_a_directory(
    request: AccessRequest, before: Access
) -> None:
    after = DIRECTORY.wanted(before, {"one": request})
    for who in EVERYONE:
        if who.uid in request.users or any(gid in request.groups for gid in who.groups):
            continue
        for want in (1, 2, 4):
            assert not _may(after, who, want) or _may(before, who, want), (who, want)


@given(searches, accesses)
def test_the_declared_gain_search_and_nothing_else(request: AccessRequest, before: Access) -> None:
    after = DIRECTORY.wanted(before, {"one": request})
    for who in EVERYONE:
        if who.uid == after.uid:
            continue
        if who.uid in request.users:
            assert _may(after, who, EXECUTE), who
        for want in (2, 4):
            assert not _may(after, who, want) or _may(before, who, want), (who, want)


@given(searches, accesses, accesses)
def test_other_holders_entries_on_a_directory_do_not_change_what_is_left(
    request: AccessRequest, before: Access, foreign: Access
) -> None:
    assert DIRECTORY.wanted(before, {}) == before
    applied = DIRECTORY.wanted(before, {"one": request, "two": AccessRequest(users={1: 1})})
    assert DIRECTORY.without_us(applied, before, applied) == before
    assert foreign == DIRECTORY.wanted(foreign, {"one": AccessRequest()})


@given(accesses, socket_requests, processes)
def test_states_and_requests_survive_the_record(
    access: Access, request: AccessRequest, who: Credentials
) -> None:
    for resource in (SOCKET, DIRECTORY):
        assert resource.state_from_json(resource.state_to_json(access)) == access
        trusted = request._replace(trusted=("/a", "/b c"))
        assert resource.request_from_json(resource.request_to_json(trusted)) == trusted
    again = SOCKET.state_from_json(SOCKET.state_to_json(access))
    assert _may(again, who, WRITE) == _may(access, who, WRITE)


@given(socket_requests, socket_requests)
def test_merging_does_not_depend_on_the_order(one: AccessRequest, two: AccessRequest) -> None:
    def attempt(first: AccessRequest, second: AccessRequest) -> AccessRequest | str:
        try:
            return merge({"a": first, "b": second})
        except AccessError:
            return "contradiction"

    assert attempt(one, two) == attempt(two, one)
    assert attempt(one, one) == one._replace(trusted=())
    assert attempt(one, AccessRequest()) == one


@pytest.mark.parametrize(
    ("one", "two", "words"),
    [
        ({"uid": 1}, {"uid": 2}, ["owner", "1 and 2"]),
        ({"gid": 1}, {"gid": 2}, ["group", "1 and 2"]),
        ({"other": 0}, {"other": 6}, ["mode of all others", "0o0 and 0o6"]),
        ({"users": {1: 6}}, {"users": {1: 0}}, ["lets user 1 in", "refuses"]),
        ({"groups": {1: 0}}, {"groups": {1: 6}}, ["lets group 1 in", "refuses"]),
    ],
)
def test_a_contradiction_names_both_holders(
    one: dict[str, object], two: dict[str, object], words: list[str]
) -> None:
    asked = {
        "socket app": AccessRequest(**one),
        "socket_acl /run/app.sock": AccessRequest(**two),
    }
    with pytest.raises(AccessError) as caught:
        merge(asked)
    for word in ["socket app", "socket_acl /run/app.sock", *words]:
        assert word in str(caught.value)


def test_two_holders_that_give_add_up() -> None:
    merged = merge({"a": AccessRequest(users={1: 4}), "b": AccessRequest(users={1: 2, 2: 6})})
    assert merged.users == {1: 6, 2: 6}


def test_all_ids_are_used() -> None:
    assert {who.uid for who in EVERYONE} > set(IDS)
