# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""What a declaration is called in the record, as the one who asks for something of a host.

A module that is called for one socket has a name of its own, which begins otherwise.
"""

from __future__ import annotations

import re

_DECLARATION = "socket "
_GENERIC = re.compile(r"(?:s|sock|socket|control|ctl|private|native|bus|api|main|server|unix)")
_END = re.compile(r"\.(?:sock|socket)$")


def holder_of(name: str) -> str:
    """Return as whom a socket of a declaration asks."""
    return f"{_DECLARATION}{name}"


def declared_name(holder: str) -> str | None:
    """Return the name of the socket in a declaration, and what follows it; None for a module's."""
    return holder[len(_DECLARATION) :] if holder.startswith(_DECLARATION) else None


def task_of(holder: str) -> str | None:
    """Return how a person knows the task of a module that asks; None for a declaration."""
    module, dummy, path = holder.partition(" ")
    return f"the task {module} of {path.partition(' at /')[0]}" if path.startswith("/") else None


def name_for(path: str) -> str:
    """Return a name for a socket that has none in a declaration."""
    above, dummy, last = path.rpartition("/")
    stem, directory = _END.sub("", last), above.rpartition("/")[2]
    if _GENERIC.fullmatch(stem) and directory not in ("", "run"):
        stem = directory
    return re.sub(r"[^A-Za-z0-9._-]", "-", stem).lstrip("._-")[:64] or "socket"
