# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Endpoints that a run is starting, whose hooks must not wait for that very run.

systemctl(1) waits for the hook of the unit that it starts, and the hook would wait for the lock of
the run that called systemctl.  The run applies what the hook would have applied.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from ..shortcut import MEMORY
from . import atomic_file
from .lock import is_held

_FILE = f"{MEMORY}/starting"


@contextmanager
def starting(names: Collection[str]) -> Iterator[None]:
    """Tell the hooks of these endpoints, meanwhile, that this run takes care of them."""
    if not names:
        yield
        return
    os.makedirs(MEMORY, mode=0o755, exist_ok=True)
    atomic_file.replace(_FILE, "".join(f"{name}\n" for name in sorted(names)).encode(), 0o600)
    word = os.open(_FILE, os.O_RDONLY | os.O_CLOEXEC)
    try:
        # Nobody but root can open it, so nobody else can make it look held.
        fcntl.flock(word, fcntl.LOCK_EX)
        yield
    finally:
        atomic_file.remove(_FILE)
        os.close(word)


def is_taken_care_of(name: str, directory: str) -> bool:
    """Tell whether the run that holds the lock of ``directory`` is starting this endpoint.

    What a run that was killed left behind says nothing, for the kernel took its locks away, and a
    later run holds that of the directory alone.
    """
    content = atomic_file.read(_FILE)
    if content is None or name not in content.decode().splitlines():
        return False
    return is_held(_FILE) and is_held(directory)
