# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""The identity of nobody on this host, with which it is proven that a socket is closed."""

from __future__ import annotations

from .host.accounts import gid_is_taken, uid_is_taken
from .host.stranger import highest_mapped, stranger
from .model.account import Credentials


def stranger_here() -> Credentials:
    """Return ids that no account of this host has, and no supplementary groups."""
    return stranger(uid_is_taken, gid_is_taken, highest_mapped())
