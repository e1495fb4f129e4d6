# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ACL as a value, and its bytes."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.unixsocket.access.plugins.module_utils._engine.errors import AccessError
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.acl import (
    Acl,
    entries_of,
)

BITS = st.integers(0, 7)
NAMED = st.dictionaries(st.integers(0, 2**32 - 2), BITS, max_size=5)
ACLS = st.tuples(BITS, BITS, BITS).map(lambda classes: Acl(*classes)) | st.builds(
    Acl, BITS, BITS, BITS, NAMED.map(entries_of), NAMED.map(entries_of), BITS
)

# What `setfacl -m u:1000:rw,g:33:r` left on a socket of mode 0640 (getfattr -e hex, ext4).
BYTES = bytes.fromhex(
    "02000000"
    "01000600ffffffff"
    "02000600e8030000"
    "04000400ffffffff"
    "0800040021000000"
    "10000600ffffffff"
    "20000000ffffffff"
)
VALUE = Acl(6, 4, 0, ((1000, 6),), ((33, 4),), 6)


def test_bytes_that_setfacl_left() -> None:
    assert Acl.from_bytes(BYTES) == VALUE
    assert VALUE.to_bytes() == BYTES


@given(ACLS)
def test_round_trip(acl: Acl) -> None:
    assert Acl.from_bytes(acl.to_bytes()) == acl


@pytest.mark.parametrize(
    "data",
    [b"", BYTES[:3], BYTES[:-1], struct.pack("<I", 1) + BYTES[4:]],
    ids=["empty", "short", "cut", "version 1"],
)
def test_other_forms(data: bytes) -> None:
    with pytest.raises(AccessError, match="not version 2 of Linux"):
        Acl.from_bytes(data)


@pytest.mark.parametrize("missing", [1, 3, 6])
def test_incomplete(missing: int) -> None:
    data = BYTES[: 4 + 8 * (missing - 1)] + BYTES[4 + 8 * missing :]
    with pytest.raises(AccessError, match="lacks its entry for owner, group or other"):
        Acl.from_bytes(data)


@given(st.integers(0, 0o777))
def test_mode(mode: int) -> None:
    acl = Acl.from_mode(mode)
    assert acl.mode == mode
    assert acl.minimal


def test_group_bits_are_the_masks() -> None:
    assert Acl(6, 0, 0, ((1000, 6),), (), 6).mode == 0o660


@pytest.mark.parametrize(
    ("before", "users", "groups", "mask"),
    [
        (Acl(6, 4, 0), {1: 2}, {}, 6),
        (Acl(6, 0, 7), {}, {1: 1}, 1),
        (Acl(6, 4, 0, ((1, 7),), (), 0), {1: 0}, {}, 4),
        (Acl(6, 0, 0, (), (), 7), {1: 0}, {}, 0),
    ],
)
def test_mask_is_all_that_the_group_class_holds(
    before: Acl, users: dict[int, int], groups: dict[int, int], mask: int
) -> None:
    assert before.modified(users, groups).mask == mask


def test_no_mask_where_none_is_needed() -> None:
    assert Acl(6, 4, 0).modified({}, {}) == Acl(6, 4, 0)
    assert Acl(6, 4, 0, mask=0).modified({}, {}) == Acl(6, 4, 0, mask=4)


@given(ACLS, NAMED, NAMED)
def test_modified_keeps_the_rest(acl: Acl, users: dict[int, int], groups: dict[int, int]) -> None:
    after = acl.modified(users, groups)
    assert dict(after.users) == {**dict(acl.users), **users}
    assert dict(after.groups) == {**dict(acl.groups), **groups}
    assert (after.user_obj, after.group_obj, after.other) == (
        acl.user_obj,
        acl.group_obj,
        acl.other,
    )
    assert list(after.users) == sorted(after.users)
    assert after.modified(users, groups) == after
