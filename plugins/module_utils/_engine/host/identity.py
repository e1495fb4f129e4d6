# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Working with another user's rights for a while, so that root's are never used on his files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from ..model.account import Credentials


@contextmanager
def acting_as(who: Credentials) -> Iterator[None]:
    """Take on effective ids and groups, and give them back at the end (seteuid(2)).

    The real and saved user ids stay root's, so the user can neither signal nor trace the process.
    """
    groups, gid = os.getgroups(), os.getegid()
    try:
        os.setgroups(sorted(who.groups | {who.gid}))
        os.setegid(who.gid)
        os.seteuid(who.uid)
        yield
    finally:
        os.seteuid(0)
        os.setegid(gid)
        os.setgroups(groups)


@contextmanager
def as_root() -> Iterator[None]:
    """Act as root again for a moment; raises PermissionError for who is not (seteuid(2))."""
    uid = os.geteuid()
    os.seteuid(0)
    try:
        yield
    finally:
        os.seteuid(uid)
