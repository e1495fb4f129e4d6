# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""The compiled policies that a host keeps, one file for each socket."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping

from ..converge.record import RecordFile
from ..errors import AccessError
from ..host import atomic_file
from ..keep.parts import POLICIES
from ..policy.nearest import nearest
from ..task import Task, from_compiled

_END = ".json"

Recorded = Mapping[str, bytes]


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
        paths = map(os.path.split, _recorded())
        known.update(name[: -len(_END)] for place, name in paths if place == directory)
    except AccessError:
        # Of each that is known a run tells what is wrong with the record.
        if not known:
            raise
    return sorted(known)


def content(
    name: str, directory: str = POLICIES, recorded: Recorded | None = None, *, hook: bool = False
) -> bytes | None:
    """Return a policy as the last run left it, whatever somebody made of its file since.

    None where it was revoked.  ``recorded`` spares a look into the record.  A ``hook`` goes by the
    file, which it may read without root's rights, and by the record where that is gone.
    """
    path = os.path.join(directory, name + _END)
    found = atomic_file.read(path)
    if found is not None and hook:
        return found
    if recorded is None:
        try:
            recorded = _recorded()
        except AccessError:
            # A run tells what is wrong with it.
            if found is None:
                raise
            return found
    return recorded.get(path, found)


def load(
    name: str, directory: str = POLICIES, recorded: Recorded | None = None, *, hook: bool = False
) -> Task:
    """Return one policy; raises AccessError where it does not exist or cannot be understood."""
    path = os.path.join(directory, name + _END)
    said = None if "/" in name else content(name, directory, recorded, hook=hook)
    if said is None:
        known = names(directory)
        likely = nearest(name, known)
        hint = f"did you mean {likely}" if likely else f"there are: {', '.join(known) or 'none'}"
        raise AccessError(f"There is no policy {name} in {directory}; {hint}.")
    return from_compiled(said, path)


def edited(name: str, recorded: Recorded, directory: str = POLICIES) -> str | None:
    """Return the file of a policy where somebody made another one of it since the last run."""
    path = os.path.join(directory, name + _END)
    found = atomic_file.read(path)
    return None if found in (None, recorded.get(path, found)) else path


def recorded() -> Recorded:
    """Return the files of policies as the last run left them, by path; none where nothing tells."""
    try:
        return _recorded()
    except AccessError:
        # A run tells what is wrong with it.
        return {}


def _recorded() -> Recorded:
    """Return them; none for who may not read the record.  Raises AccessError for a damaged one."""
    found = {}
    try:
        entries = RecordFile().load().entries
    except AccessError as error:
        if isinstance(error.__cause__, PermissionError):
            return {}
        raise
    for key, entry in entries.items():
        kind, dummy, path = key.partition(":")
        # What a run was writing when it was killed may not be what it would have come to.
        unsure = entry.pending and os.path.exists(path)
        if kind == "file" and path.endswith(_END) and not unsure:
            for wanted in entry.requests.values():
                found[path] = base64.b64decode(wanted)
    return found
