# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whose doing it is that nothing can be written in a home: the user's, or of who gave him none."""

from __future__ import annotations

import os
import pwd
from pathlib import Path
from types import SimpleNamespace

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.theirs import has_home
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.account import (
    Credentials,
    User,
)


@pytest.mark.parametrize(
    ("there", "own", "known", "has"),
    [
        (True, True, True, True),
        (True, False, True, False),
        (False, True, True, False),
        (True, True, False, False),
    ],
)
def test_a_home_of_one_s_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: bool, own: bool, known: bool, has: bool
) -> None:
    home = tmp_path / "home"
    if there:
        home.mkdir()

    def find(name: str) -> SimpleNamespace:
        if not known:
            raise KeyError(name)
        return SimpleNamespace(pw_dir=str(home))

    monkeypatch.setattr(pwd, "getpwnam", find)
    uid = os.getuid() + (0 if own else 1)
    assert has_home(User("carol", Credentials(uid, uid))) is has
