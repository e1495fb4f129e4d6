# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Putting a directory in the place of another one in one step (renameat2(2))."""

from __future__ import annotations

import os

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


def exchange(one: str, other: str) -> None:
    """Let two names change places; both must exist.

    A file system that cannot do that in one step gets two renames, between which ``other`` is not
    there.  Raises OSError as the kernel reports it.
    """
    try:
        _in_one_step(one, other)
    except OSError:
        aside = f"{one}.aside"
        os.rename(other, aside)
        os.rename(one, other)
        os.rename(aside, one)


def _in_one_step(one: str, other: str) -> None:
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    try:
        renameat2 = libc.renameat2
    except AttributeError as error:
        raise OSError("The C library of this host has no renameat2.") from error
    names = os.fsencode(one), os.fsencode(other)
    if renameat2(_AT_FDCWD, names[0], _AT_FDCWD, names[1], ctypes.c_uint(_RENAME_EXCHANGE)) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), other)
