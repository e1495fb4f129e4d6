# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""The compiled copy of the engine that the host has already, if it is exactly this one.

A module brings the engine along as sources in a zip file, and to compile them takes longer than all
that a run does.  The installed engine is compiled, so a module that brings the same one runs that.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable

LIBRARY = "/usr/local/lib/socket-access"
PACKAGE = "socket_access"
MANIFEST = "MANIFEST"


def line(name: str, crc: int, size: int, modified: int) -> str:
    """Return what the manifest says of one file: CRC-32, bytes, and nanoseconds of its mtime."""
    return f"{crc:08x} {size} {modified} {name}"


def path_of(package: str, own: Iterable[str], archive: str | None) -> list[str]:
    """Return the directories in which the modules of the engine are to be looked for.

    ``own`` are those of the running package, ``archive`` is the zip file that it came in.  The
    library is root's alone, and the check of each file's CRC, size and time only tells one engine
    from another: whoever could fake it could write to the library anyway.
    """
    usual = list(own)
    zipfile = sys.modules.get("zipfile")
    if archive is None or zipfile is None:
        return usual
    try:
        with open(os.path.join(LIBRARY, MANIFEST), encoding="utf-8") as file:
            rows = [row.rstrip("\n").rpartition(" ") for row in file]
        kept = {name: said for said, dummy, name in rows}
        inside = package.replace(".", "/") + "/"
        with zipfile.ZipFile(archive) as opened:
            brought = {
                one.filename[len(inside) :]: (one.CRC, one.file_size)
                for one in opened.infolist()
                if one.filename.startswith(inside) and one.filename.endswith(".py")
            }
        root = os.path.join(LIBRARY, PACKAGE)
        if brought.keys() == kept.keys() and all(
            _is_kept(os.path.join(root, name), name, brought[name], kept[name]) for name in kept
        ):
            return [root]
    except (OSError, ValueError):
        # Nothing is installed, or not by us: the sources that were brought will do.
        pass
    return usual


def _is_kept(path: str, name: str, brought: tuple[int, int], kept: str) -> bool:
    crc, size = brought
    status = os.lstat(path)
    said = line(name, crc, size, status.st_mtime_ns)
    return status.st_size == size and said == f"{kept} {name}"
