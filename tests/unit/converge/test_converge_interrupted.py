# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run that is killed when all unit files are written, and before systemd has read them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import cast

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.converge.loop import (
    Outcome,
    apply_steps,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.converge.record import (
    Record,
    RecordFile,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.converge.steps import (
    Want,
    plan_steps,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.systemd import Manager
from ansible_collections.unixsocket.access.plugins.module_utils._engine.resources.file import (
    ManagedFile,
)


class Reader:
    """In place of systemd: counts how often it reads the files, or dies when it is to."""

    def __init__(self, *, dies: bool = False) -> None:
        self.dies = dies
        self.is_stale = False
        self.reloads = 0

    def is_up(self) -> bool:
        return True

    def changed(self) -> None:
        self.is_stale = True

    def reload(self) -> None:
        if self.is_stale and self.dies:
            os._exit(9)
        self.reloads += self.is_stale
        self.is_stale = False


def run(place: Path, reader: Reader, *, absent: bool) -> Outcome:
    def resource(key: str = "") -> ManagedFile:
        return ManagedFile(f"{place}/unit.d/50.conf", manager=cast(Manager, reader))

    (place / "record").mkdir(exist_ok=True)
    file = RecordFile(f"{place}/record")
    record = file.load()
    wants = [] if absent else [Want(resource(), "one", b"[Unit]\n")]
    return apply_steps(plan_steps(wants, ["one"], record, resource, ["file"]), record, file)


def killed(place: Path, *, absent: bool) -> None:
    pid = os.fork()
    if pid == 0:
        try:
            run(place, Reader(dies=True), absent=absent)
        finally:
            # Whatever went wrong, the child must not go on as a second pytest.
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 9


@pytest.mark.parametrize("absent", [True, False])
def test_the_next_run_has_them_read(tmp_path: Path, absent: bool) -> None:
    if absent:
        run(tmp_path, Reader(), absent=False)
    killed(tmp_path, absent=absent)
    assert (tmp_path / "unit.d/50.conf").exists() != absent
    reader = Reader()
    # Every file is as it shall be, so that is no change of what was declared.
    assert not run(tmp_path, reader, absent=absent).changed
    assert reader.reloads == 1
    # And only the next: what it has healed is done with.
    reader = Reader()
    run(tmp_path, reader, absent=absent)
    assert reader.reloads == 0
    record = RecordFile(f"{tmp_path}/record").load()
    assert not any(entry.pending for entry in record.entries.values())
    assert not absent or record == Record()


def test_a_run_that_heals_and_is_killed_as_well_is_healed_by_the_one_after(tmp_path: Path) -> None:
    killed(tmp_path, absent=False)
    killed(tmp_path, absent=False)
    reader = Reader()
    run(tmp_path, reader, absent=False)
    assert reader.reloads == 1
