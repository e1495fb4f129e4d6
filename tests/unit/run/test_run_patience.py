# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long a hook waits for another run, where systemd would end its daemon meanwhile."""

from __future__ import annotations

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.shown import Shown
from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy import SocketPolicy
from ansible_collections.unixsocket.access.plugins.module_utils._engine.runtime import apply
from ansible_collections.unixsocket.access.plugins.module_utils._engine.runtime.apply import Wishes
from ansible_collections.unixsocket.access.plugins.module_utils._engine.task import (
    LOCK_SECONDS,
    Task,
    compiled,
    from_compiled,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.unfit_units import (
    short_start,
)

IN_START = Wishes(hook=True, wait=True)


@pytest.mark.parametrize(
    ("timeout", "deadline", "kept"),
    [
        (90.0, None, None),
        (float("inf"), None, None),
        (20.0, None, 20.0),
        # systemd's own default is too short for a daemon that takes long.
        (90.0, 60.0, 90.0),
    ],
)
def test_what_is_long_enough_for_any_hook_is_not_kept(
    timeout: float, deadline: float | None, kept: float | None
) -> None:
    declared = SocketPolicy("app", "/run/s", deadline=deadline)
    assert short_start(declared, Shown("app.service", True, True, timeout=timeout)) == kept


@pytest.mark.parametrize(
    ("seconds", "wishes", "passed", "patience"),
    [
        (20.0, IN_START, 0.0, 16.0),
        (20.0, IN_START, 9.0, 7.0),
        (20.0, IN_START, 19.0, 0.0),
        (600.0, IN_START, 0.0, LOCK_SECONDS),
        (None, IN_START, 50.0, LOCK_SECONDS),
        # Nobody's start waits for these.
        (20.0, Wishes(hook=True, watched=True), 0.0, LOCK_SECONDS),
        (20.0, Wishes(hook=True, again=True), 0.0, LOCK_SECONDS),
        (20.0, Wishes(), 0.0, LOCK_SECONDS),
    ],
)
def test_how_long_a_hook_waits(
    seconds: float | None, wishes: Wishes, passed: float, patience: float
) -> None:
    task = Task(SocketPolicy("app", "/run/s"), "socket app", start_seconds=seconds)
    assert apply._patience(task, wishes, passed) == patience
    assert from_compiled(compiled(task), "/app.json").start_seconds == seconds
