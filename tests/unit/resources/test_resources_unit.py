# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A unit that watches: what a run that was killed left of it is taken away as well."""

from __future__ import annotations

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.shown import Shown
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.systemd import Manager
from ansible_collections.unixsocket.access.plugins.module_utils._engine.resources.base import (
    UNITS_START,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.resources.unit import (
    Running,
    UnitState,
)


class FakeManager(Manager):
    """A manager that knows what it is told, and remembers what it was asked for."""

    def __init__(self, *, active: tuple[str, ...] = (), failed: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.active, self.failed = active, failed
        self.asked: list[tuple[str, bool]] = []
        self.begun_anew: list[str] = []

    def is_up(self) -> bool:
        return True

    def show(self, units):
        return [Shown(unit, True, unit in self.active, unit in self.failed) for unit in units]

    def ask(self, unit: str, *, active: bool) -> None:
        self.asked.append((unit, active))

    def ask_anew(self, unit: str) -> None:
        self.begun_anew.append(unit)

    def carry_out(self) -> None:
        pass


def unit_of(manager: FakeManager, tmp_path) -> UnitState:
    return UnitState("socket-access-app.path", manager, str(tmp_path / "app"))


@pytest.mark.parametrize(
    ("active", "failed", "state"),
    [
        ((), (), Running(False)),
        (("socket-access-app.path",), (), Running(True)),
        (("socket-access-app.path",), ("socket-access-app.service",), Running(True)),
        ((), ("socket-access-app.service",), Running(False, clean=False)),
        ((), ("socket-access-app.path",), Running(False, clean=False)),
        (("socket-access-app-again.timer",), (), Running(False, clean=False)),
        (("socket-access-app.service",), (), Running(False, clean=False)),
    ],
)
def test_what_there_is(active, failed, state, tmp_path) -> None:
    assert unit_of(FakeManager(active=active, failed=failed), tmp_path).read() == state


def test_undo_takes_away_what_a_killed_run_left(tmp_path) -> None:
    manager = FakeManager(failed=("socket-access-app.service",))
    unit = unit_of(manager, tmp_path)
    current = unit.read()
    target = unit.without_us(current, Running(False), Running(True))
    assert current != target
    assert unit.changes(current, target) == [
        "What an interrupted run left of unit socket-access-app.path is taken away."
    ]
    unit.write(target)
    assert manager.asked == [
        ("socket-access-app.path", False),
        ("socket-access-app.service", False),
    ]


def test_what_never_ran_and_left_nothing_is_not_touched(tmp_path) -> None:
    unit = unit_of(FakeManager(), tmp_path)
    assert unit.read() == unit.without_us(unit.read(), Running(False), Running(True))


PROXY = "socket-access-proxy-app.socket"


@pytest.mark.parametrize("active", [None, True])
def test_a_unit_whose_socket_is_gone_is_started_anew(active: bool | None) -> None:
    manager = FakeManager(active=(PROXY, "socket-access-proxy-app.service"))
    unit = UnitState(PROXY, manager, None, active, makes="/run/app.sock", lost=True)
    current, target = unit.read(), Running(True)
    assert current == Running(True, lost=True)
    assert unit.place(current, target) == UNITS_START
    assert unit.in_words(current) == f"unit {PROXY} is active, and nobody listens at its path\n"
    assert unit.changes(current, target) == [
        f"Unit {PROXY} is started anew, because nobody listens at its path any more."
    ]
    unit.write(target)
    assert (manager.asked, manager.begun_anew) == ([], [PROXY])
    # Whatever is put back later need not start it once more.
    unit.write(current)
    assert (manager.asked, manager.begun_anew) == ([(PROXY, True)], [PROXY])


@pytest.mark.parametrize("active", [None, False])
def test_a_unit_that_does_not_run_has_lost_nothing(active: bool | None) -> None:
    unit = UnitState(PROXY, FakeManager(), None, active, makes="/run/app.sock", lost=True)
    assert unit.read() == Running(False)
