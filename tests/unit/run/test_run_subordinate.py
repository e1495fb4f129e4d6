# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which groups let a refused user in under a subordinate id, and who has such ids."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine import subordinate
from ansible_collections.unixsocket.access.plugins.module_utils._engine.endpoints import take_apart
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.pinned import Pin
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.plan import SocketPlan
from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy import SocketPolicy
from ansible_collections.unixsocket.access.plugins.module_utils._engine.report import Seen
from ansible_collections.unixsocket.access.plugins.module_utils._engine.survey import Surveyed
from ansible_collections.unixsocket.access.plugins.module_utils._engine.task import Task
from unit.planner.facts import declare, facts_of


def told(declared: SocketPolicy, *, open_to_all: bool = False) -> list[str]:
    parts = take_apart(Task(declared, "socket app"))
    one = Surveyed(parts.here.declared, facts_of(declared), cast(Pin, None))
    seen = Seen(parts, None, parts.here, one)
    seen.plan = SocketPlan((), None, (), {}, open_to_all)
    return list(subordinate.ways_around([seen]))


@pytest.fixture
def ranges(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "subuid"
    path.write_text(
        "alice:100000:65536\n1002:200000:65536\n# carol\ncarol:7\n4242:1:1\nstaff:1:1\n"
    )
    monkeypatch.setattr(subordinate, "_RANGES", str(path))
    monkeypatch.setattr(subordinate, "_TOOLS", ("/nowhere", "/"))
    return path


@pytest.mark.parametrize(
    ("declared", "by"),
    [
        # A group of the user's, be it the primary one or another.
        (declare("group staff", refuse=("user alice",)), "the group staff"),
        (
            declare("group staff", "group alice", refuse=("user alice",)),
            "the group alice and the group staff",
        ),
        (declare("group users", "user app", refuse=("user alice",)), None),
        # By number in the file.
        (declare("group staff", refuse=("user bob",)), "the group staff"),
        # The socket's own group counts where its mode lets it in.
        (declare(group="staff", refuse=("user alice",)), "the group staff"),
        (declare(group="staff", mode=0o660, refuse=("user alice",)), "the group staff"),
        (declare(group="staff", mode=0o640, refuse=("user alice",)), None),
        (declare(mode=0o660, refuse=("user alice",)), None),
    ],
)
def test_what_lets_in(ranges: Path, declared: SocketPolicy, by: str | None) -> None:
    found = told(declared)
    assert len(found) == (by is not None)
    if by is not None:
        assert f" under which its processes come in by what lets in {by}. " in found[0]


def test_who_has_no_such_ids(ranges: Path) -> None:
    """A line must be one of subuid(5), a number without an account gets none, and no group does."""
    refused = ("user carol", "user 4242", "group staff")
    assert not told(declare(mode=0o666, refuse=refused), open_to_all=True)
    (one,) = told(declare(mode=0o666, refuse=(*refused, "user alice")), open_to_all=True)
    assert one.startswith("User alice is refused at ")
    ranges.unlink()
    assert not told(declare(mode=0o666, refuse=("user alice",)), open_to_all=True)
