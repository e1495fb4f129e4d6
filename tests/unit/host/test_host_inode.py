# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The access of one inode is changed so that at no moment it is wider than before or after."""

from __future__ import annotations

from unittest import mock

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ansible_collections.unixsocket.access.plugins.module_utils._engine.errors import AccessError
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host import inode
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.access import Access
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.acl import Acl
from ansible_collections.unixsocket.access.plugins.module_utils._engine.reach.permission import (
    decide,
)
from unit.host.paper_kernel import PaperKernel
from unit.resources.values import accesses, bits, everyone, ids

WRITE = 2
EVERYONE = everyone()
minimal = st.builds(
    Access, ids, ids, st.tuples(bits, bits, bits).map(lambda classes: Acl(*classes))
)


def _write(kernel: PaperKernel, wanted: Access) -> None:
    with mock.patch.object(inode, "os", kernel):
        inode.write_access(5, wanted)


@given(accesses, accesses)
@example(Access(1, 1, Acl(6, 0, 6)), Access(2, 1, Acl(6, 0, 0, ((3, 0),), (), 6)))
@example(Access(1, 1, Acl(6, 0, 6, ((3, 0),), (), 6)), Access(1, 2, Acl(6, 6, 0)))
def test_at_no_moment_wider_than_before_or_after(before: Access, wanted: Access) -> None:
    kernel = PaperKernel(before)
    _write(kernel, wanted)
    assert kernel.access == wanted
    for state in kernel.states[1:-1]:
        for who in EVERYONE:
            if decide(state, who, WRITE).allowed:
                earlier = decide(before, who, WRITE).allowed
                assert earlier or decide(wanted, who, WRITE).allowed, (kernel.states, who)


@given(accesses)
def test_what_is_there_is_not_written(access: Access) -> None:
    kernel = PaperKernel(access)
    _write(kernel, access)
    assert kernel.states == [access]


@given(accesses, st.builds(Access, ids, ids, st.just(Acl(6, 6, 0))))
def test_permissions_alone_are_one_system_call(before: Access, wanted: Access) -> None:
    kernel = PaperKernel(before)
    _write(kernel, Access(before.uid, before.gid, wanted.acl))
    assert len(kernel.states) <= 2


@given(minimal, minimal, st.sampled_from((0, 0o1000, 0o2000, 0o7000)))
def test_without_acls_bits_are_enough_and_the_others_stay(
    before: Access, wanted: Access, special: int
) -> None:
    kernel = PaperKernel(before, acl_support=False, special=special)
    _write(kernel, wanted)
    assert kernel.access == wanted
    assert kernel.special == special


def test_without_acls_a_named_entry_is_an_error() -> None:
    kernel = PaperKernel(Access(1, 1, Acl(6, 6, 0)), acl_support=False)
    with pytest.raises(AccessError, match=r"keeps no POSIX ACLs.*method group"):
        _write(kernel, Access(1, 1, Acl(6, 6, 0, ((3, 6),), (), 6)))
    assert len(kernel.states) == 1


@given(accesses)
def test_what_is_there_is_read(access: Access) -> None:
    with mock.patch.object(inode, "os", PaperKernel(access)):
        assert inode.read_access(5) == access


def test_without_proc_nothing_is_touched(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = PaperKernel(Access(1, 1, Acl(6, 6, 6)))
    kernel.path.samestat = lambda one, two: False
    monkeypatch.setattr(inode, "_checked_proc", False)
    with pytest.raises(AccessError, match="/proc"):
        _write(kernel, Access(1, 1, Acl(6, 0, 0)))
    assert len(kernel.states) == 1
