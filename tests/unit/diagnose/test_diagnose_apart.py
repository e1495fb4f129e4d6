# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A daemon that listens at the path in mounts of its own, among those that hold such a socket."""

from __future__ import annotations

from typing import cast

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.diagnose import (
    Cause,
    Sockets,
    apart,
    listening_apart,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.diagnose.views import View
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.holders import Holders
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.processes import (
    Process,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.chain import Chain
from unit.reach.chains import chain, inode, socket_at

PATH = "/run/s"
THERE = View(chain(PATH, inode("/run", 0o755), socket_at(PATH, 0o666)), "/srv/root", None)
GONE = View(Chain(PATH, THERE.chain.components[:-1], missing=PATH), "/", None)
CAUSE = Cause("missing", "ENOENT", PATH, "It is missing.")
# Who sees the socket, who sees what everybody sees, who sees nothing, and who has ended.
SEEN = {1: None, 2: GONE, 3: THERE, 4: THERE}


class _Sockets:
    def __init__(self, numbers: set[int]) -> None:
        self._numbers = numbers

    def called(self, path: str) -> set[int]:
        return self._numbers if path == PATH else set()


class _Views:
    def __init__(self, path: str) -> None:
        assert path == PATH

    def of(self, process: Process) -> View | None:
        return SEEN[process.pid]


@pytest.fixture
def units(monkeypatch: pytest.MonkeyPatch) -> dict[int, str | None]:
    found: dict[int, str | None] = {1: None, 2: None, 3: None}

    def process(pid: int) -> Process | None:
        if pid == 4:
            raise PermissionError(13, "Permission denied")
        return Process(pid, "app", 0, frozenset(), 0.0, found[pid]) if pid in found else None

    def holders_of(numbers: set[int]) -> Holders:
        holders = Holders()
        holders.found = {number: dict.fromkeys((1, 2, 3, 4, 5), 7) for number in numbers}
        return holders

    monkeypatch.setattr(apart, "process", process)
    monkeypatch.setattr(apart, "holders_of", holders_of)
    monkeypatch.setattr(apart, "Views", _Views)
    return found


@pytest.mark.parametrize(("unit", "where"), [("app.service", "app.service"), (None, "app")])
def test_the_one_that_finds_it_there(
    units: dict[int, str | None], unit: str | None, where: str
) -> None:
    units[3] = unit
    found = listening_apart(CAUSE, PATH, cast(Sockets, _Sockets({9})))
    assert found is not None
    assert found.text.startswith(
        f"It is missing. app (pid 3, {unit or 'no unit'}) listens at /run/s in mounts of its own: "
        "the root directory there is /srv/root"
    )
    (change,) = found.changes
    assert (change.action, change.value) == ("listen-elsewhere", unit)
    assert change.text.startswith(f"Let {where} make its socket where others see it too,")


def test_where_nobody_does(units: dict[int, str | None]) -> None:
    assert listening_apart(CAUSE, PATH, cast(Sockets, _Sockets(set()))) is None
    del units[3]
    assert listening_apart(CAUSE, PATH, cast(Sockets, _Sockets({9}))) is None
