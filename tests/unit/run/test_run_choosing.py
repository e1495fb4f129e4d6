# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which directories on the way are somebody's own, and are not advised to be opened."""

from __future__ import annotations

import pwd
from types import SimpleNamespace

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.choosing import (
    private_directories,
)
from unit.reach.chains import ALICE, APP, BOB, ROOT, chain, inode, link

HOMES = {ROOT: "/", ALICE: "/home/alice/", BOB: "/nonexistent"}


@pytest.fixture(autouse=True)
def _accounts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pwd, "getpwuid", lambda uid: SimpleNamespace(pw_dir=HOMES[uid]))


@pytest.mark.parametrize(
    ("path", "owner", "private"),
    [
        ("/home/alice", ALICE, True),
        ("/run/user/1000", BOB, True),
        ("/run/user/1000/app", BOB, False),
        ("/home/alice", ROOT, False),
        ("/home/alice/app", ALICE, False),
        # An owner without an account has no home.
        ("/srv/app", APP, False),
    ],
)
def test_what_is_somebody_s_own(path: str, owner: int, private: bool) -> None:
    seen = chain("/s", link("/s", path), inode(path, 0o700, owner))
    assert private_directories(seen) == (frozenset({path}) if private else frozenset())
