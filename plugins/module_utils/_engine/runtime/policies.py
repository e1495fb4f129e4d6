# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""The compiled policies that a host keeps, one file for each socket."""

from __future__ import annotations

import base64
import os

from ..converge.record import RecordFile
from ..errors import AccessError
from ..host import atomic_file
from ..keep.parts import POLICIES
from ..policy.nearest import nearest
from ..task import Task, from_compiled

_END = ".json"


def names(directory: str = POLICIES) -> list[str]:
    """Return the names of all policies, sorted; none where nothing is managed.

    Raises AccessError where the record alone would tell, and cannot be read.
    """
    try:
        entries = os.listdir(directory)
    except FileNotFoundError:
        entries = []
    known = {name[: -len(_END)] for name in entries if name.endswith(_END)}
    try:
        known.update(_recorded(directory))
    except AccessError:
        # Of each that is known a run tells what is wrong with the record.
        if not known:
            raise
    return sorted(known)


def content(name: str, directory: str = POLICIES) -> bytes | None:
    """Return a policy as the host keeps it now, None where it was revoked.

    One whose file somebody removed is what the record says that the file is to be.  Raises
    AccessError where that cannot be read.
    """
    kept = atomic_file.read(os.path.join(directory, name + _END))
    return _recorded(directory).get(name) if kept is None else kept


def load(name: str, directory: str = POLICIES) -> Task:
    """Return one policy; raises AccessError where it does not exist or cannot be understood."""
    path = os.path.join(directory, name + _END)
    kept = None if "/" in name else content(name, directory)
    if kept is None:
        known = names(directory)
        likely = nearest(name, known)
        hint = f"did you mean {likely}" if likely else f"there are: {', '.join(known) or 'none'}"
        raise AccessError(f"There is no policy {name} in {directory}; {hint}.")
    return from_compiled(kept, path)


def _recorded(directory: str) -> dict[str, bytes]:
    """Return the policies that the record knows, by name; none for who may not read it."""
    found = {}
    try:
        entries = RecordFile().load().entries
    except AccessError as error:
        if isinstance(error.__cause__, PermissionError):
            return {}
        raise
    for key, entry in entries.items():
        place, dummy, name = key.rpartition("/")
        if place == f"file:{directory}" and name.endswith(_END):
            for wanted in entry.requests.values():
                found[name[: -len(_END)]] = base64.b64decode(wanted)
    return found
