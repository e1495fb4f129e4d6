# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""The compiled policies that a host keeps, one file for each socket."""

from __future__ import annotations

import os

from ..errors import AccessError
from ..host import atomic_file
from ..keep.parts import POLICIES
from ..policy.nearest import nearest
from ..task import Task, from_compiled

_END = ".json"


def names(directory: str = POLICIES) -> list[str]:
    """Return the names of all policies, sorted; none where nothing is managed."""
    try:
        entries = os.listdir(directory)
    except FileNotFoundError:
        return []
    return sorted(name[: -len(_END)] for name in entries if name.endswith(_END))


def content(name: str, directory: str = POLICIES) -> bytes | None:
    """Return a policy as the host keeps it now, None where it was revoked."""
    return atomic_file.read(os.path.join(directory, name + _END))


def load(name: str, directory: str = POLICIES) -> Task:
    """Return one policy; raises AccessError where it does not exist or cannot be understood."""
    path = os.path.join(directory, name + _END)
    content = None if "/" in name else atomic_file.read(path)
    if content is None:
        known = names(directory)
        likely = nearest(name, known)
        hint = f"did you mean {likely}" if likely else f"there are: {', '.join(known) or 'none'}"
        raise AccessError(f"There is no policy {name} in {directory}; {hint}.")
    return from_compiled(content, path)
