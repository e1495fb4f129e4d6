# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Five hundred runs at once on one host, of which each adds a grant to the same socket."""

from __future__ import annotations

import gc
import os
import time
from collections import Counter

from ansible_collections.unixsocket.access.plugins.module_utils._engine.errors import AccessError
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.acl import Acl
from kernel.hosts import Place, ended, everything, fork, seen
from kernel.test_kernel_converge import home

__all__ = ["home"]

RUNS = 500
FIRST = 80_000
DONE, WAITED_IN_VAIN = 0, 7


def test_five_hundred_runs_at_once_lose_nothing(home: Place) -> None:
    path = home.listen("s")
    before = everything(home.top)
    how = {"holder": "socket_acl ", "exclusive": False, "adds": True}

    def add(number: int) -> None:
        grant = {"user": str(FIRST + number), "method": "acl"}
        try:
            home.run(
                {"app": {"path": path, "allow": [grant]}}, prove=False, lock_seconds=10.0, **how
            )
        except AccessError as error:
            said = str(error)
            in_vain = "Another run on this host has held" in said and "run again" in said
            os._exit(WAITED_IN_VAIN if in_vain else 1)

    started = time.monotonic()
    # The children share what is there already, instead of copying it when it is collected.
    gc.freeze()
    children = [fork(lambda number=number: add(number)) for number in range(RUNS)]  # type: ignore[misc]
    ends = [ended(pid) for pid in children]
    gc.unfreeze()
    met = Counter(ends)
    print(f"{RUNS} runs in {time.monotonic() - started:.1f} s: {met}")
    assert met.keys() <= {DONE, WAITED_IN_VAIN}
    # How many get their turn in ten seconds is a matter of the machine.
    assert met[DONE] > 10
    # Exactly those whose run went well are let in: nobody's entry was lost, nobody's is half there.
    wanted = tuple((FIRST + number, 6) for number, end in enumerate(ends) if end == DONE)
    assert Acl.from_bytes(seen(path).acl or b"").users == wanted
    (entry,) = home.record.entries.values()
    assert not entry.pending
    assert {int(uid) for uid in entry.requests["socket_acl app"]["users"]} == dict(wanted).keys()
    home.run({"app": {"path": path}}, absent=True, **how)
    assert everything(home.top) == before
    assert not os.path.exists(home.file.directory)
