# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Grants that end, on a real kernel: who connects before and after, and what is left behind.

The clock is set here; the timer that asks for the run at the right moment needs systemd.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine import ending
from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy.moments import (
    written,
)
from kernel.hosts import ALICE, BOB, CAROL, STAFF, Place, everything, seen
from kernel.test_kernel_converge import home
from kernel.test_kernel_endpoints import (
    DIRECTORY,
    SOURCE,
    TARGET,
    TOP,
    connects,
    here,
    hook,
    mounted,
)

__all__ = ["here", "home"]

START = time.time()
END = int(START) + 1000


class Clock:
    """The host's clock, as the engine sees it."""

    now = START


@pytest.fixture
def clock() -> Iterator[Clock]:
    one = Clock()
    with (
        mock.patch.object(ending.time, "time", side_effect=lambda: one.now),
        mock.patch.object(ending, "wants", side_effect=lambda parts, keeper: []),
    ):
        yield one


def app(path: str, *allow: dict[str, Any], **keys: Any) -> dict[str, Any]:
    return {"app": {"path": path, "allow": list(allow), **keys}}


def until(who: int, **keys: Any) -> dict[str, Any]:
    return {"user": str(who), "expires": written(END), **keys}


def test_an_entry_ends_and_the_others_stay(home: Place, clock: Clock) -> None:
    path = home.listen("s")
    before = everything(home.top)
    declared = app(path, until(BOB), {"user": str(CAROL)})
    result = home.run(declared)
    assert result.sockets["app"]["grants"][0]["expires"] == written(END)
    assert result.sockets["app"]["grants"][1]["expires"] is None
    assert [connects(who, path) for who in (BOB, CAROL)] == ["connected"] * 2
    clock.now = END
    checked = home.run(declared, check=True)
    assert checked.changed
    assert connects(BOB, path) == "connected"
    result = home.run(declared)
    assert [connects(who, path) for who in (BOB, CAROL)] == ["EACCES", "connected"]
    assert [one["principal"] for one in result.sockets["app"]["grants"]] == [f"user {CAROL}"]
    assert result.sockets["app"]["ended"] == [
        {"principal": f"user {BOB}", "endpoint": path, "expires": written(END)}
    ]
    assert any(f"user {BOB}" in one and "ended at" in one for one in result.warnings)
    again = home.run(declared)
    assert not again.changed
    assert any("ended at" in one for one in again.warnings)
    home.run(declared, absent=True)
    assert everything(home.top) == before


def test_what_is_over_already_is_never_given(home: Place, clock: Clock) -> None:
    path = home.listen("s")
    clock.now = END + 1
    result = home.run(app(path, until(BOB)))
    assert result.sockets["app"]["grants"] == []
    assert connects(BOB, path) == "EACCES"


def test_a_hook_leaves_out_what_has_ended(home: Place, clock: Clock) -> None:
    path = home.listen("s")
    declared = app(path, until(BOB), {"user": str(CAROL)})
    home.run(declared)
    hook(home, declared)
    assert connects(BOB, path) == "connected"
    clock.now = END
    home.again(path, 0o666)
    result = hook(home, declared)
    assert [connects(who, path) for who in (BOB, CAROL)] == ["EACCES", "connected"]
    assert not result.warnings


def test_a_clock_that_is_set_back_opens_nothing(home: Place, clock: Clock) -> None:
    path = home.listen("s")
    before = everything(home.top)
    declared = app(path, until(BOB), {"user": str(CAROL)})
    home.run(declared)
    clock.now = END
    home.run(declared)
    clock.now = START
    # What is written to the record meanwhile has a time before the end.
    more = app(path, until(BOB), {"user": str(CAROL)}, {"user": str(ALICE)})
    for run in (
        lambda: home.run(declared),
        lambda: home.run(more),
        lambda: hook(home, declared),
        lambda: home.run(declared),
    ):
        run()
        assert [connects(who, path) for who in (BOB, CAROL)] == ["EACCES", "connected"]
    (said,) = home.run(declared).warnings
    assert "was ended when this host's clock was past" in said
    assert not home.run(declared).changed
    home.run(declared, absent=True)
    assert everything(home.top) == before
    assert not os.path.exists(home.file.path)


def test_a_hook_that_noticed_the_end_is_enough(home: Place, clock: Clock) -> None:
    path = home.listen("s")
    declared = app(path, until(BOB))
    home.run(declared)
    clock.now = END
    hook(home, declared)
    clock.now = START
    home.run(declared)
    assert connects(BOB, path) == "EACCES"


def test_a_clock_that_ran_ahead_once_ends_what_was_declared_then_and_nothing_later(
    home: Place, clock: Clock
) -> None:
    path = home.listen("s")
    clock.now = ahead = START + 80 * 365 * 86400
    home.run(app(path, until(BOB), {"user": str(CAROL)}))
    os.utime(home.file.path, (ahead, ahead))
    clock.now = START
    # What ended stays so, on every run, until another time is declared for it.
    for dummy in range(3):
        home.run(app(path, until(BOB), {"user": str(ALICE), "expires": written(END)}))
        assert [connects(who, path) for who in (BOB, ALICE)] == ["EACCES", "connected"]
    again = app(path, {"user": str(BOB), "expires": written(END + 1)})
    home.run(again)
    assert connects(BOB, path) == "connected"
    clock.now = END + 1
    home.run(again)
    assert connects(BOB, path) == "EACCES"


def test_a_group_ends(home: Place, clock: Clock) -> None:
    path = home.listen("s", 0o600)
    before = seen(path)
    declared = app(path, {"group": str(STAFF), "expires": written(END)})
    assert home.run(declared).sockets["app"]["grants"][0]["method"] == "group"
    assert seen(path).gid == STAFF
    clock.now = END
    home.run(declared)
    assert seen(path) == before


def test_a_mount_ends_with_its_directory(here: Place, clock: Clock) -> None:
    before = everything(here.top)
    grant = until(BOB, method="bind_mount", at=TARGET)
    declared = app(SOURCE, grant, trust_directories=[str(TOP / "run/alice")])
    here.run(declared)
    assert connects(BOB, TARGET) == "connected"
    clock.now = END
    # The hook already takes the mount away.
    hook(here, declared)
    assert connects(BOB, TARGET) != "connected"
    assert mounted() == []
    here.run(declared)
    assert not os.path.exists(DIRECTORY)
    assert mounted() == []
    here.run(declared, absent=True)
    assert everything(here.top) == before
