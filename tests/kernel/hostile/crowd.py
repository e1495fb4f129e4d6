# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Start many runs at once from a process that is small enough to be forked for each of them.

Its arguments are the socket, the directory of the record, and the number of runs; it prints how
each of them ended, as JSON.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from functools import partial
from pathlib import Path
from typing import Any

import conftest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.errors import AccessError
from kernel.hosts import Place, ended, fork

FIRST = 80_000
DONE, WAITED_IN_VAIN = 0, 7
HOW: dict[str, Any] = {"holder": "socket_acl ", "exclusive": False, "adds": True}
SECONDS = 5.0


def add(path: str, place: Place, number: int) -> None:
    """Add a grant to the socket, as one of many; end with a status of its own for the lock."""
    grant = {"user": str(FIRST + number), "method": "acl"}
    declared = {"app": {"path": path, "allow": [grant]}}
    try:
        place.run(declared, prove=False, lock_seconds=SECONDS, **HOW)
    except AccessError as error:
        said = str(error)
        in_vain = "Another run on this host has held" in said and "run again" in said
        os._exit(WAITED_IN_VAIN if in_vain else 1)


def main() -> None:
    """Start all, wait for all, and tell how they ended."""
    path, record, runs = sys.argv[1:]
    place = Place(Path(path).parent, Path(record))
    # What a run imports when it needs it is there before the first fork.
    warm = {"app": {"path": path, "allow": [{"user": str(FIRST), "method": "acl"}]}}
    for absent in (False, True):
        place.run(warm, prove=False, absent=absent, **HOW)
    # The children share what is there already, instead of copying it when it is collected.
    gc.freeze()
    gc.disable()
    children = [fork(partial(add, path, place, number)) for number in range(int(runs))]
    print(json.dumps([ended(pid) for pid in children]))


if __name__ == "__main__":
    if not conftest.NAME:
        sys.exit("The collection cannot be imported.")
    main()
