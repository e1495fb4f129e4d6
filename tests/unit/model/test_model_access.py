# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Wishes of several holders become one access, and nobody gains what nobody declared."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ansible_collections.unixsocket.access.plugins.module_utils._engine.errors import AccessError
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.access import (
    Access,
    AccessRequest,
    healed_directory,
    merge,
    wanted_directory,
    wanted_socket,
    without_us,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.account import (
    Credentials,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.acl import (
    EXECUTE,
    WRITE,
    Acl,
    entries_of,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.reach.permission import (
    decide,
)

BITS = st.integers(0, 7)
IDS = st.integers(1, 6)
NAMED = st.dictionaries(IDS, BITS, max_size=3)
ACLS = st.tuples(BITS, BITS, BITS).map(lambda classes: Acl(*classes)) | st.builds(
    Acl, BITS, BITS, BITS, NAMED.map(entries_of), NAMED.map(entries_of), BITS | st.just(0)
)
ACCESSES = st.builds(Access, IDS, IDS, ACLS)
REQUESTS = st.fixed_dictionaries(
    {
        "uid": st.none() | IDS,
        "gid": st.none() | IDS,
        "user_obj": st.none() | BITS,
        "group_obj": st.none() | BITS,
        "other": st.none() | BITS,
        "users": NAMED,
        "groups": NAMED,
        "exclusive": st.booleans(),
    }
).map(lambda keys: AccessRequest(**keys))
ENTRIES_ONLY = st.fixed_dictionaries(
    {
        "users": NAMED,
        "groups": NAMED,
    }
).map(lambda keys: AccessRequest(**keys))
PROCESSES = st.tuples(IDS, IDS, st.frozensets(IDS, max_size=3)).map(
    lambda values: Credentials(*values)
)


class TestMerge:
    def test_one(self) -> None:
        request = AccessRequest(uid=1, users={2: 6})
        assert merge({"app": request}) == request

    def test_several_add_up(self) -> None:
        merged = merge(
            {
                "a": AccessRequest(uid=1, users={2: 6}, groups={5: 2}),
                "b": AccessRequest(gid=3, users={2: 1, 4: 0}, exclusive=True),
            }
        )
        assert merged == AccessRequest(
            uid=1, gid=3, users={2: 7, 4: 0}, groups={5: 2}, exclusive=True
        )

    @pytest.mark.parametrize(
        ("first", "second", "message"),
        [
            (AccessRequest(uid=1), AccessRequest(uid=2), r"different owner .*\(1 and 2\)"),
            (
                AccessRequest(other=6),
                AccessRequest(other=0),
                r"different mode of all others .*\(0o6 and 0o0\)",
            ),
            (
                AccessRequest(users={7: 6}),
                AccessRequest(users={7: 0}),
                "contradict each other: one lets user 7 in, the other refuses that user",
            ),
            (
                AccessRequest(groups={7: 0}),
                AccessRequest(groups={7: 6}),
                "contradict each other: one lets group 7 in",
            ),
        ],
    )
    def test_contradictions(
        self, first: AccessRequest, second: AccessRequest, message: str
    ) -> None:
        with pytest.raises(AccessError, match=message) as caught:
            merge({"the socket app": first, "the socket web": second})
        assert "the socket app" in str(caught.value)
        assert "the socket web" in str(caught.value)

    @given(st.dictionaries(st.text(max_size=2), REQUESTS, max_size=3))
    def test_order_does_not_matter(self, requests: dict[str, AccessRequest]) -> None:
        try:
            merged = merge(requests)
        except AccessError:
            return
        assert merge(dict(reversed(list(requests.items())))) == merged


class TestSocket:
    BEFORE = Access(1, 2, Acl.from_mode(0o666))

    @pytest.mark.parametrize(
        ("request_", "acl"),
        [
            (AccessRequest(), Acl.from_mode(0o660)),
            (AccessRequest(exclusive=True), Acl.from_mode(0o600)),
            (AccessRequest(group_obj=2, other=2), Acl.from_mode(0o622)),
            (AccessRequest(users={3: 6}), Acl(6, 6, 0, ((3, 6),), (), 6)),
            (AccessRequest(users={3: 6}, exclusive=True), Acl(6, 0, 0, ((3, 6),), (), 6)),
            (AccessRequest(users={3: 0}, exclusive=True), Acl(6, 0, 0, ((3, 0),), (), 6)),
        ],
    )
    def test_examples(self, request_: AccessRequest, acl: Acl) -> None:
        assert wanted_socket(self.BEFORE, request_) == Access(1, 2, acl)

    def test_entries_of_others(self) -> None:
        before = self.BEFORE._replace(acl=Acl(6, 0, 0, ((3, 4),), ((4, 6),), 6))
        kept = wanted_socket(before, AccessRequest(users={5: 6}))
        assert kept.acl == Acl(6, 0, 0, ((3, 4), (5, 6)), ((4, 6),), 6)
        gone = wanted_socket(before, AccessRequest(users={5: 6}, exclusive=True))
        assert gone.acl == Acl(6, 0, 0, ((5, 6),), (), 6)

    @given(ACCESSES, REQUESTS)
    def test_it_stays_as_it_is_wanted(self, before: Access, request_: AccessRequest) -> None:
        wanted = wanted_socket(before, request_)
        assert Acl.from_bytes(wanted.acl.to_bytes()) == wanted.acl
        assert wanted.acl.other == (request_.other or 0)
        for uid, held in request_.users.items():
            assert dict(wanted.acl.users)[uid] == held

    @example(Access(1, 2, Acl(6, 6, 0, ((3, 0),), (), 6)), AccessRequest(group_obj=0, other=6))
    @given(ACCESSES, REQUESTS)
    def test_who_is_refused_by_name_is_refused(
        self, before: Access, request_: AccessRequest
    ) -> None:
        """An empty mask would let them pass as others, be the entry declared or kept."""
        wanted = wanted_socket(before, request_)
        for uid, held in wanted.acl.users:
            if uid != wanted.uid:
                ruling = decide(wanted, Credentials(uid, 99), WRITE)
                assert ruling.allowed == bool(held & WRITE)


class TestDirectory:
    @given(ACCESSES, ENTRIES_ONLY, PROCESSES)
    def test_nobody_undeclared_gains_or_loses(
        self, before: Access, request_: AccessRequest, who: Credentials
    ) -> None:
        declared = who.uid in request_.users or any(map(who.in_group, request_.groups))
        if declared or before.acl.mask == 0:
            # An empty mask had switched the ACL off; it is on again with the first entry.
            return
        after = wanted_directory(before, request_)
        if not any((*request_.users.values(), *request_.groups.values())):
            return
        for bit in (1, 2, 4):
            assert decide(after, who, bit).allowed == decide(before, who, bit).allowed

    @given(ACCESSES, st.dictionaries(IDS, st.just(EXECUTE), min_size=1, max_size=3))
    def test_entries_take_effect(self, before: Access, users: dict[int, int]) -> None:
        after = wanted_directory(before, AccessRequest(users=users))
        for uid in users:
            if uid != before.uid:
                assert decide(after, Credentials(uid, 99), EXECUTE).allowed

    @pytest.mark.parametrize(
        ("before", "after"),
        [
            # /run: an entry --x would take from the client what everybody may, to list it.
            (Acl.from_mode(0o755), Acl.from_mode(0o755)),
            (Acl(7, 5, 5, ((4, 0),), (), 5), Acl(7, 5, 5, ((4, 0),), (), 5)),
            # Its own entry is the one that counts, and stays as wide as it was.
            (Acl(7, 0, 0, ((3, 4),), (), 4), Acl(7, 0, 0, ((3, 5),), (), 5)),
            (Acl(7, 5, 5, ((3, 5),), (), 5), Acl(7, 5, 5, ((3, 5),), (), 5)),
            (Acl(7, 5, 5, ((3, 4),), (), 5), Acl(7, 5, 5, ((3, 5),), (), 5)),
            # Everybody may list it, and nobody search it.
            (Acl.from_mode(0o744), Acl(7, 4, 4, ((3, 5),), (), 5)),
            # What only some may is not given along: the client may be in the group that may not.
            (Acl.from_mode(0o705), Acl(7, 0, 5, ((3, 1),), (), 1)),
            (Acl(7, 5, 5, (), ((9, 0),), 5), Acl(7, 5, 5, ((3, 1),), ((9, 0),), 5)),
        ],
        ids=str,
    )
    def test_an_entry_takes_nothing_away(self, before: Acl, after: Acl) -> None:
        request = AccessRequest(users={3: EXECUTE})
        assert wanted_directory(Access(1, 2, before), request) == Access(1, 2, after)

    def test_nor_does_one_of_a_group(self) -> None:
        request = AccessRequest(groups={3: EXECUTE})
        open_, closed = Acl.from_mode(0o755), Acl.from_mode(0o744)
        assert wanted_directory(Access(1, 2, open_), request).acl == open_
        assert wanted_directory(Access(1, 2, closed), request).acl.groups == ((3, 5),)

    @given(ACCESSES)
    def test_nothing_wanted(self, before: Access) -> None:
        assert wanted_directory(before, AccessRequest()) == before


class TestWithoutUs:
    @given(ACCESSES, REQUESTS)
    def test_what_was_before_comes_back(self, before: Access, request_: AccessRequest) -> None:
        applied = wanted_socket(before, request_)
        assert without_us(applied, before, applied) == before

    @given(ACCESSES, ENTRIES_ONLY)
    def test_directories_as_well(self, before: Access, request_: AccessRequest) -> None:
        applied = wanted_directory(before, request_)
        assert without_us(applied, before, applied) == before

    def test_what_others_changed_stays(self) -> None:
        before = Access(1, 2, Acl.from_mode(0o600))
        applied = Access(1, 2, Acl(6, 0, 0, ((3, 6),), (), 6))
        now = Access(9, 2, Acl(6, 0, 0, ((3, 6), (4, 4)), (), 6))
        assert without_us(now, before, applied) == Access(9, 2, Acl(6, 0, 0, ((4, 4),), (), 4))


def test_a_directory_that_was_closed_to_be_given_away_is_opened_again() -> None:
    """A kill between the closing and the giving away leaves an ACL that nobody asked for."""
    before = Access(1, 1, Acl.from_mode(0o755))
    applied = Access(2, 1, Acl(7, 5, 0, entries_of({3: EXECUTE}), (), 7))
    closed = Access(1, 1, Acl.from_mode(0o700))
    assert healed_directory(closed, before, applied) == before
    # What another one made of it is not ours to take back.
    theirs = Access(1, 1, Acl.from_mode(0o711))
    assert healed_directory(theirs, before, applied).acl.other == EXECUTE
