# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""What a declaration is called in the record, as the one who asks for something of a host.

A module that is called for one socket has a name of its own, which begins otherwise.
"""

from __future__ import annotations

_DECLARATION = "socket "


def holder_of(name: str) -> str:
    """Return as whom a socket of a declaration asks."""
    return f"{_DECLARATION}{name}"


def declared_name(holder: str) -> str | None:
    """Return the name of the socket in a declaration, and what follows it; None for a module's."""
    return holder[len(_DECLARATION) :] if holder.startswith(_DECLARATION) else None
