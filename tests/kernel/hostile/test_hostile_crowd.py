# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Five hundred runs at once on one host, of which each adds a grant to the same socket."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.acl import Acl
from kernel.hostile.crowd import DONE, FIRST, HOW, WAITED_IN_VAIN
from kernel.hosts import Place, everything, seen
from kernel.test_kernel_converge import home

__all__ = ["home"]

RUNS = 500
TESTS = Path(__file__).resolve().parents[2]


def test_five_hundred_runs_at_once_lose_nothing(home: Place) -> None:
    path = home.listen("s")
    before = everything(home.top)
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "kernel.hostile.crowd", path, home.file.directory, str(RUNS)],
        env={**os.environ, "PYTHONPATH": str(TESTS)},
        cwd=TESTS,
        stdout=subprocess.PIPE,
        check=True,
    )
    ends = json.loads(done.stdout)
    met = Counter(ends)
    print(f"{RUNS} runs in {time.monotonic() - started:.1f} s: {met}")
    assert len(ends) == RUNS
    assert met.keys() <= {DONE, WAITED_IN_VAIN}
    # How many get their turn in five seconds is a matter of the machine.
    assert met[DONE] > 10
    # Exactly those whose run went well are let in: nobody's entry was lost, nobody's is half there.
    wanted = tuple((FIRST + number, 6) for number, end in enumerate(ends) if end == DONE)
    assert Acl.from_bytes(seen(path).acl or b"").users == wanted
    (entry,) = home.record.entries.values()
    assert not entry.pending
    assert {int(uid) for uid in entry.requests["socket_acl app"]["users"]} == dict(wanted).keys()
    home.run({"app": {"path": path}}, absent=True, **HOW)
    assert everything(home.top) == before
    assert not os.path.exists(home.file.directory)
