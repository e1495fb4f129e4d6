# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of ours, and what a run that was killed left of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.converge.record import (
    Entry,
    Record,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.converge.steps import (
    Step,
    Want,
    plan_steps,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.resources.file import (
    FileState,
    ManagedFile,
)

HOLDER = "socket app"


def _killed(path: Path) -> tuple[ManagedFile, Record]:
    """Return the file and the record of a run that was killed after it had made the directory."""
    fresh = ManagedFile(str(path))
    before = fresh.read()
    assert before is not None
    applied = FileState(b"ours", missing=before.missing)
    entry = Entry(
        fresh.state_to_json(before),
        fresh.state_to_json(applied),
        {HOLDER: fresh.request_to_json(b"ours")},
        None,
        pending=True,
    )
    path.parent.mkdir(parents=True)
    return ManagedFile(str(path), made=before.missing), Record({fresh.key: entry})


def _steps(file: ManagedFile, record: Record, *wants: Want) -> list[Step]:
    return plan_steps(wants, {HOLDER}, record, lambda key: file, {"file"})


def test_a_directory_that_a_killed_run_had_made_goes_with_the_policy(tmp_path: Path) -> None:
    path = tmp_path / "etc" / "socket-access" / "app.json"
    file, record = _killed(path)
    (step,) = _steps(file, record)
    assert step.changes
    file.write(step.target)
    assert not (tmp_path / "etc").exists()
    assert tmp_path.exists()
    assert not _steps(ManagedFile(str(path)), Record())


def test_it_is_used_by_the_next_run(tmp_path: Path) -> None:
    path = tmp_path / "socket-access" / "app.json"
    file, record = _killed(path)
    (step,) = _steps(file, record, Want(file, HOLDER, b"ours"))
    file.write(step.target)
    assert path.read_bytes() == b"ours"


@pytest.mark.parametrize("other", ["somebody-elses", ".hidden"])
def test_what_somebody_else_put_there_keeps_it(tmp_path: Path, other: str) -> None:
    path = tmp_path / "socket-access" / "app.json"
    file, record = _killed(path)
    (path.parent / other).touch()
    (step,) = _steps(file, record)
    file.write(step.target)
    assert (path.parent / other).exists()
