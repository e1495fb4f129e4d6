# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A chain as it is, and as it will be."""

from __future__ import annotations

from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.access import Access
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.account import (
    Credentials,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.acl import Acl
from unit.reach.chains import chain, inode, link, socket_at

WHOLE = chain("/l", link("/l", "/run/s"), inode("/run", 0o755), socket_at("/run/s", 0o600))
WIDE = Access(5, 6, Acl.from_mode(0o666))


def test_leaf() -> None:
    assert WHOLE.leaf is WHOLE.components[-1]
    assert WHOLE._replace(missing="/run/s").leaf is None
    assert WHOLE._replace(blocked="/run/s/x").leaf is None


def test_planned_accesses() -> None:
    after = WHOLE.with_access({"/run/s": WIDE, "/l": WIDE, "/elsewhere": WIDE})
    assert after.leaf is not None
    assert after.leaf.access == WIDE
    # A link has no access that counts.
    assert after.components[:-1] == WHOLE.components[:-1]


def test_groups_of_a_process() -> None:
    who = Credentials(1, 2, frozenset({3}))
    assert [gid for gid in range(5) if who.in_group(gid)] == [2, 3]
