# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The line of fstab as a resource, on a file of the test's own."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.errors import AccessError
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host import fstab as file
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.systemd import Manager
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.fstab import user_line
from ansible_collections.unixsocket.access.plugins.module_utils._engine.resources import base
from ansible_collections.unixsocket.access.plugins.module_utils._engine.resources.fstab_line import (
    FstabLine,
    FstabState,
)

LINE = user_line("/s", "/t", "name")


class Loud(Manager):
    def __init__(self) -> None:
        super().__init__()
        self.reloads = 0

    def is_up(self) -> bool:
        return True

    def reload(self) -> None:
        self.reloads += self._stale
        self._stale = False


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that need not be root's, for whoever runs the tests."""
    monkeypatch.setattr(file, "_check", lambda fd, path: None)
    return tmp_path / "fstab"


def put(resource: FstabLine) -> FstabState:
    current = resource.read()
    assert current is not None
    target = resource.wanted(current, {"one": LINE})
    resource.write(target)
    resource.settle()
    return target


def test_it_is_put_once_and_systemd_told_once(path: Path) -> None:
    path.write_bytes(b"# x")
    path.chmod(0o600)
    manager = Loud()
    resource = FstabLine("/t", manager=manager, path=str(path))
    for dummy in range(3):
        target = put(resource)
        assert resource.read() == target == FstabState((LINE,))
        assert path.read_bytes() == b"# x\n" + LINE
    assert manager.reloads == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    resource.write(FstabState())
    resource.settle()
    assert (path.read_bytes(), manager.reloads) == (b"# x", 2)
    assert os.listdir(path.parent) == ["fstab"]


def test_copies_become_one(path: Path) -> None:
    path.write_bytes(LINE + b"\n# x\n" + LINE + b"\n")
    resource = FstabLine("/t", path=str(path))
    current = resource.read()
    assert current == FstabState((LINE, LINE))
    assert resource.changes(current, FstabState((LINE,))) == [
        f"The 2 lines for /t in {path} become one."
    ]
    put(resource)
    assert path.read_bytes() == LINE + b"\n# x\n"


def test_a_line_of_ours_was_never_there_before_us(path: Path) -> None:
    path.write_bytes(LINE + b"\n")
    resource = FstabLine("/t", path=str(path))
    current = resource.read()
    assert current is not None
    assert resource.remembered(current, current) == FstabState()


def test_a_foreign_line_is_refused_but_undo_passes_by(path: Path) -> None:
    path.write_bytes(b"/dev/x /t/ ext4\n" + LINE + b"\n")
    resource = FstabLine("/t", path=str(path))
    current = resource.read()
    assert current is not None
    with pytest.raises(AccessError, match=r"Line 1 of .* mounts /dev/x on /t, where .* /s is"):
        resource.wanted(current, {"one": LINE})
    resource.write(resource.without_us(current, FstabState(), current))
    assert path.read_bytes() == b"/dev/x /t/ ext4\n"


def test_two_holders_cannot_want_different_lines(path: Path) -> None:
    other = user_line("/other", "/t", "name")
    with pytest.raises(AccessError, match="one and two want different mounts on /t"):
        FstabLine("/t", path=str(path)).wanted(FstabState(), {"one": LINE, "two": other})


def test_it_comes_and_goes_in_its_place_and_through_json(path: Path) -> None:
    resource = FstabLine("/t", path=str(path))
    state = FstabState((LINE,), missing=True)
    again = resource.state_from_json(resource.state_to_json(state))
    assert (again, again.missing) == (state, True)
    assert resource.request_from_json(resource.request_to_json(LINE)) == LINE
    assert resource.place(FstabState(), state) == base.FILES_COME
    assert resource.place(state, FstabState()) == base.FILES_GO
    assert resource.key == "fstab:/t"
    assert LINE.decode() in resource.in_words(state)
