# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run that starts a unit tells that unit's hook so; what a run that was killed told is nothing."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.host import starting
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.lock import (
    Lock,
    is_held,
)


@pytest.fixture
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory in which a run leaves its word, which is not there yet."""
    directory = tmp_path / "memory"
    monkeypatch.setattr(starting, "MEMORY", str(directory))
    monkeypatch.setattr(starting, "_FILE", str(directory / "starting"))
    return directory


@pytest.fixture
def state(tmp_path: Path) -> str:
    return str(tmp_path / "state")


@pytest.fixture
def lock(state: str) -> Iterator[Lock]:
    held = Lock(state, seconds=0)
    yield held
    held.release()


def test_a_lock_that_somebody_holds(state: str) -> None:
    assert not is_held(state)
    assert not os.path.exists(state)
    held = Lock(state, seconds=0)
    assert is_held(state)
    # To ask is not to take.
    assert is_held(state)
    held.release()
    assert not is_held(state)
    Lock(state, seconds=0).release()


def test_to_ask_keeps_nobody_waiting(state: str) -> None:
    os.mkdir(state)
    assert not is_held(state)
    Lock(state, seconds=0).release()


def test_the_hook_of_what_is_started_has_nothing_to_do(
    memory: Path, state: str, lock: Lock
) -> None:
    with starting.starting(["b", "app.a-1"]):
        assert starting.is_taken_care_of("app.a-1", state)
        assert starting.is_taken_care_of("b", state)
        # A whole name, and not a part of one.
        for other in ("app", "a-1", "app.a-1\nb", "", "b "):
            assert not starting.is_taken_care_of(other, state)
        assert stat.S_IMODE(os.stat(memory / "starting").st_mode) == 0o600
    assert not starting.is_taken_care_of("app.a-1", state)
    assert os.listdir(memory) == []


def test_it_ends_with_the_run_that_fails(memory: Path, state: str, lock: Lock) -> None:
    with pytest.raises(KeyboardInterrupt), starting.starting(["a"]):
        raise KeyboardInterrupt
    assert not starting.is_taken_care_of("a", state)
    assert os.listdir(memory) == []


def test_what_a_killed_run_left_says_nothing(memory: Path, state: str) -> None:
    held = Lock(state, seconds=0)
    memory.mkdir()
    (memory / "starting").write_text("a\n")
    # This one holds the lock, and starts something else.
    assert not starting.is_taken_care_of("a", state)
    held.release()
    assert not starting.is_taken_care_of("a", state)
    # Nor does it keep the next run from saying its own.
    with starting.starting(["b"]):
        assert (memory / "starting").read_text() == "b\n"


def test_a_run_that_starts_nothing_leaves_no_word(memory: Path, state: str, lock: Lock) -> None:
    with starting.starting(()):
        assert not memory.exists()
        assert not starting.is_taken_care_of("a", state)
