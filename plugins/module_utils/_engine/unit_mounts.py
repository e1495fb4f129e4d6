# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Where the settings of a unit would have a hook find other programs and settings than the host's.

systemd mounts what BindPaths= and its kin name for the commands with root's rights as well, and where
the path to mount at is a symbolic link, it follows that, whoever made it (measured: systemd 257).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

from .converge.record import DIRECTORY
from .errors import AccessError
from .host.installed import interpreter
from .host.pinned import walked
from .model.account import ROOT
from .reach import unsafe_step
from .shortcut import COMMAND, LIBRARY, MEMORY

# What a program of root's is made of, and by what it is told who is who (nsswitch.conf(5)).
_SYSTEM = (
    *(
        "/bin",
        "/dev",
        "/etc",
        "/lib",
        "/lib32",
        "/lib64",
        "/libx32",
        "/proc",
        "/sbin",
        "/sys",
        "/usr",
    ),
    *("/run/dbus", "/run/mount", "/run/nscd", "/run/nslcd", "/run/systemd", "/var/lib/sss"),
)
# How systemctl shows them; a path with a blank or a colon in it is shown without quotes.
_BOUND = re.compile(r"-?(/[^:]*):(/[^:]*)(?::[a-z0-9=,+-]*)?")
_EMPTIED = re.compile(r"(/[^:]*)(?::.*)?")
# systemd.exec(5): an extension is laid over these, and one with settings over /etc.
_EXTENDED = "/usr"


def covered(mounted: Iterable[tuple[str, str]]) -> str | None:
    """Return where a unit mounts something that a hook would take for the host's own, or None.

    ``mounted`` are settings of the unit and their values.
    """
    for name, value in mounted:
        for word in value.split():
            point = _point(name, word)
            if point is None or (point and _matters(point)):
                return point or word
    return None


def _point(name: str, word: str) -> str | None:
    """Return where a word of a setting mounts something else, "" for nowhere, None for who knows."""
    if name.startswith("Extension"):
        return _EXTENDED
    if name == "TemporaryFileSystem":
        found = _EMPTIED.fullmatch(word)
        return None if found is None else found[1]
    found = _BOUND.fullmatch(word)
    if found is None:
        return None
    return "" if found[1] == found[2] and _is_roots(found[1]) else found[2]


def _matters(point: str) -> bool:
    """Tell whether a hook uses what is there, or whether somebody could have it lead there."""
    if not _is_roots(point):
        return True
    there = walked(point).resolved
    used = map(os.path.realpath, (*_SYSTEM, COMMAND, LIBRARY, MEMORY, DIRECTORY, *interpreter()))
    return any(_is_below(one, there) or _is_below(there, one) for one in used)


def _is_roots(path: str) -> bool:
    """Tell whether nobody but root decides to what a path leads."""
    try:
        return path.startswith("/") and unsafe_step(walked(path), owner=ROOT) is None
    except (AccessError, OSError):
        return False


def _is_below(path: str, top: str) -> bool:
    return path == top or path.startswith(f"{top.rstrip('/')}/")
