# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a user's own directory lets a drop-in be written there is foreseen as the kernel has it."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.errors import (
    AccessError,
    Withheld,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.account import (
    Credentials,
    User,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.resources.file import (
    FileState,
    ManagedFile,
)
from kernel.hosts import BOB, STAFF, Place, place_on


@pytest.fixture
def home() -> Iterator[Place]:
    yield from place_on("tmpfs")


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize(
    ("mode", "uid", "gid", "open_"),
    [
        (0o755, BOB, 0, True),
        (0o555, BOB, 0, False),
        (0o200, BOB, 0, False),
        (0o755, 0, 0, False),
        (0o775, 0, STAFF, True),
        (0o077, BOB, STAFF, False),
    ],
)
def test_what_is_foreseen_is_what_comes(
    home: Place, there: bool, mode: int, uid: int, gid: int, open_: bool
) -> None:
    above = home.directory("user", mode, uid, gid)
    path = f"{above}/own" if there else f"{above}/app.socket.d/own"
    bob = User("bob", Credentials(BOB, BOB, frozenset({STAFF})))
    foreseen, comes = (None, None)
    try:
        ManagedFile(path, writer=bob).foresee()
    except AccessError as error:
        foreseen = error
    try:
        ManagedFile(path, writer=bob).write(FileState(b"ours"))
    except AccessError as error:
        comes = error
    assert (comes is None) is open_
    assert (foreseen is None) is open_
    assert foreseen is None or isinstance(foreseen, Withheld)
    assert os.path.exists(path) is open_
    if foreseen is not None and mode & 0o500 == 0o500:
        assert f"its user may not write to the directory {above}." in str(foreseen)
