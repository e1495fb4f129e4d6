# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One inode, one process: the kernel's rules by example, and against the kernel's own loop."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.access import Access
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.account import (
    Credentials,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.acl import (
    Acl,
    entries_of,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.reach.permission import (
    decide,
)
from unit.reach.chains import ALICE, APP, BOB, acl

OPS, DEV = 70, 80
IN_NO_GROUP = Credentials(ALICE, ALICE)
IN_APP = Credentials(ALICE, ALICE, frozenset({ALICE, APP}))
IN_OPS = Credentials(ALICE, ALICE, frozenset({ALICE, OPS}))
IN_BOTH = Credentials(ALICE, ALICE, frozenset({APP, OPS}))
PRIMARY = Credentials(ALICE, APP)
OWNER = Credentials(APP, APP)

# The inode belongs to user and group app; asked is for w (2).
EXAMPLES = [
    ("the owner by the owner's bits", acl(0o200), OWNER, True, "owner"),
    ("the owner is judged alone", acl(0o466), OWNER, False, "owner"),
    ("even with an entry", acl(0o466, {APP: 6}, mask=6), OWNER, False, "owner"),
    ("root", acl(0o000), Credentials(0, 0), True, "root"),
    ("a member of the group", acl(0o660), IN_APP, True, "group"),
    ("by primary group", acl(0o660), PRIMARY, True, "group"),
    ("a member never as other", acl(0o602), IN_APP, False, "group"),
    ("others", acl(0o602), IN_NO_GROUP, True, "other"),
    ("others without", acl(0o660), IN_NO_GROUP, False, "other"),
    ("reading is not enough", acl(0o755), IN_NO_GROUP, False, "other"),
    ("named", acl(0o600, {ALICE: 6}, mask=6), IN_NO_GROUP, True, "named-user"),
    ("named beats groups down", acl(0o660, {ALICE: 0}, mask=6), IN_APP, False, "named-user"),
    ("named beats others down", acl(0o666, {ALICE: 4}, mask=6), IN_NO_GROUP, False, "named-user"),
    ("named, masked", acl(0o600, {ALICE: 6}, mask=4), IN_NO_GROUP, False, "mask"),
    ("named without, masked", acl(0o600, {ALICE: 4}, mask=4), IN_NO_GROUP, False, "named-user"),
    ("named group", acl(0o600, {}, {OPS: 6}, mask=6), IN_OPS, True, "named-group"),
    ("any group is enough", acl(0o600, {}, {OPS: 6}, mask=6), IN_BOTH, True, "named-group"),
    ("the other way round", acl(0o660, {}, {OPS: 0}, mask=6), IN_BOTH, True, "group"),
    ("bits of groups are not added", acl(0o640, {}, {OPS: 1}, mask=7), IN_BOTH, False, "group"),
    ("matched, never as other", acl(0o606, {}, {OPS: 4}, mask=6), IN_OPS, False, "named-group"),
    ("group, masked", acl(0o660, mask=4), IN_APP, False, "mask"),
    ("named group, masked", acl(0o666, {}, {OPS: 6}, mask=5), IN_OPS, False, "mask"),
    ("the mask is not for others", acl(0o606, {BOB: 6}, mask=4), IN_NO_GROUP, True, "other"),
    ("the mask is not for the owner", acl(0o600, {BOB: 6}, mask=4), OWNER, True, "owner"),
    # Where the mask is empty the kernel does not look at the ACL.
    ("a denied one as other", acl(0o606, {ALICE: 0}, mask=0), IN_NO_GROUP, True, "acl-off"),
    ("an allowed one as other", acl(0o600, {ALICE: 6}, mask=0), IN_NO_GROUP, False, "acl-off"),
    ("a named group as other", acl(0o606, {}, {OPS: 0}, mask=0), IN_OPS, True, "acl-off"),
    ("a member of the group", acl(0o666, {BOB: 6}, mask=0), IN_APP, False, "mask"),
    ("a member without", acl(0o646, {BOB: 6}, mask=0), IN_APP, False, "group"),
    ("a member with an entry", acl(0o666, {ALICE: 6}, mask=0), IN_APP, False, "acl-off"),
    ("nobody's entry", acl(0o606, {BOB: 0}, mask=0), IN_NO_GROUP, True, "other"),
]


@pytest.mark.parametrize(
    ("held", "who", "allowed", "rule"),
    [example[1:] for example in EXAMPLES],
    ids=[example[0] for example in EXAMPLES],
)
def test_examples(held: Acl, who: Credentials, allowed: bool, rule: str) -> None:
    ruling = decide(Access(APP, APP, held), who, 2)
    assert (ruling.allowed, ruling.rule) == (allowed, rule)


def _kernel(access: Access, who: Credentials, want: int) -> bool:
    """acl_permission_check and posix_acl_permission, written down as they stand."""
    held = access.acl
    mode = held.mode
    if who.uid == access.uid:
        return not want & ~(mode >> 6)
    if not held.minimal and mode & 0o070:
        return _posix_acl_permission(access, who, want)
    if who.in_group(access.gid):
        mode >>= 3
    return not want & ~mode


def _posix_acl_permission(access: Access, who: Credentials, want: int) -> bool:
    held, found = access.acl, False
    mask = 7 if held.mask is None else held.mask
    for uid, permissions in held.users:
        if uid == who.uid:
            return permissions & mask & want == want
    for gid, permissions in ((access.gid, held.group_obj), *held.groups):
        if who.in_group(gid):
            found = True
            if permissions & want == want:
                return permissions & mask & want == want
    return not found and held.other & want == want


BITS = st.integers(0, 7)
IDS = st.integers(1, 5)
NAMED = st.dictionaries(IDS, BITS, max_size=3).map(entries_of)
ACLS = st.tuples(BITS, BITS, BITS).map(lambda classes: Acl(*classes)) | st.builds(
    Acl, BITS, BITS, BITS, NAMED, NAMED, BITS | st.just(0)
)


@given(
    access=st.builds(Access, IDS, IDS, ACLS),
    who=st.tuples(IDS, IDS, st.frozensets(IDS, max_size=3)).map(
        lambda values: Credentials(*values)
    ),
    want=st.sampled_from([1, 2, 4, 6]),
)
def test_as_the_kernel_has_it(access: Access, who: Credentials, want: int) -> None:
    ruling = decide(access, who, want)
    assert ruling.allowed == _kernel(access, who, want)
    # The rule that is named is about an entry that is there.
    assert ruling.entry.kind in ("owner", "named-user", "group", "named-group", "other")
    if ruling.rule == "acl-off":
        assert access.acl.mask == 0
        assert ruling.ignored is not None
    if ruling.rule == "mask":
        assert not ruling.allowed
        assert ruling.entry.permissions & want == want
