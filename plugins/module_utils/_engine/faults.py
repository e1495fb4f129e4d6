# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""What the kernel says where it lets even root look at nothing, as sentences with a way out.

Source: errno(3).
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

from .errors import AccessError

# Names of the process itself, which mean nothing to a person.
_OWN = "/proc/self/fd/"
_FULL = "make room on that file system"
_REFUSED = (
    "a security module, a container or the server of that file system keeps root out: its log or "
    "the audit log tells which, let it allow this"
)
_SHORT = "the host is short of it just now: find out what uses it up"
_GONE = "the server of that file system is gone: mount it anew"
_WAYS_OUT = {
    errno.EIO: "the kernel's own messages (dmesg) name the disk or the server that failed: mend it",
    errno.EACCES: _REFUSED,
    errno.EPERM: _REFUSED,
    errno.ELOOP: "symbolic links lead in a circle there: name the real path, or remove the links",
    errno.ENOTDIR: "something on the way is no directory: correct the path, or move that away",
    errno.EISDIR: "a directory is where a file is to be: move it away",
    errno.ENAMETOOLONG: "a name in it is longer than that file system allows: correct the path",
    errno.ESTALE: _GONE,
    errno.ENOTCONN: _GONE,
    errno.EHOSTDOWN: _GONE,
    errno.ETIMEDOUT: _GONE,
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EROFS: "that file system is read-only: mount it so that it can be written",
    errno.EMFILE: "the process may open no more files: raise its limit (ulimit -n, LimitNOFILE=)",
    errno.ENFILE: _SHORT,
    errno.ENOMEM: _SHORT,
    errno.ENOBUFS: _SHORT,
    errno.EAGAIN: _SHORT,
}


def in_words(error: Exception) -> str:
    """Return what an error says: of an OSError which path it is about, its meaning and a way out."""
    if isinstance(error, AccessError):
        return str(error)
    if not isinstance(error, OSError) or error.errno is None:
        return f"{str(error).rstrip('.')}."
    path = error.filename
    path = os.fsdecode(path) if isinstance(path, (str, bytes)) else ""
    at = f"{path}: " if path and not path.startswith(_OWN) else ""
    name = errno.errorcode.get(error.errno, f"error {error.errno}")
    way = _WAYS_OUT.get(error.errno, "mend that")
    return f"{at}{os.strerror(error.errno)} ({name}); {way}, and run again."


@contextmanager
def looking_at(what: str) -> Iterator[None]:
    """Tell of what it was that a look failed, and what the kernel said to it, as AccessError."""
    try:
        yield
    except OSError as error:
        raise AccessError(f"{what} cannot be looked at: {in_words(error)}") from error
