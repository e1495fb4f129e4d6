# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""The compiled copy of the engine that the host has already, if it is exactly this one.

A module brings the engine along as sources in a zip file, and to compile them takes longer than all
that a run does.  The installed engine is compiled, so a module that brings the same one runs that.
It is one archive with a few lines before it, which say whose it is and what it holds.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # pragma: no cover
    from zipfile import ZipFile

LIBRARY = "/usr/local/lib/socket-access"
ARCHIVE = "engine.zip"
COMMAND = "/usr/local/sbin/socket-access"
# What the command remembers until the host is started anew.
MEMORY = "/run/socket-access"
PACKAGE = "socket_access"
# What a traceback calls the engine, wherever it runs from.
SHOWN = f"{LIBRARY}/{ARCHIVE}/{PACKAGE}"
MANAGED = "Managed by the Ansible collection unixsocket.access; do not edit."
FIRST_LINE = f"# {MANAGED}"


def row(name: str, crc: int, size: int) -> str:
    """Return what tells one source file from another: its name, CRC-32 and size in bytes."""
    return f"{name} {crc:08x} {size}"


def key(rows: Iterable[str]) -> str:
    """Return a short name for exactly these sources.

    It says nothing about trust: whoever could make up sources with the same key could as well
    write to the library, which is root's alone.
    """
    import hashlib

    return hashlib.sha256("\n".join(sorted(rows)).encode()).hexdigest()[:16]


def inside(package: str) -> str:
    """Return what the names of a package's files begin with in a zip file."""
    return package.replace(".", "/") + "/"


def key_inside(archive: ZipFile, package: str) -> str:
    """Return the key of a package's sources, which the zip file's directory is enough for."""
    before = inside(package)
    return key(
        row(one.filename[len(before) :], one.CRC, one.file_size)
        for one in archive.infolist()
        if one.filename.startswith(before) and one.filename.endswith(".py")
    )


def lines_before(sources: str, archive: bytes) -> bytes:
    """Return the lines that go before an archive of the sources with this key."""
    import zlib

    return f"{FIRST_LINE}\n{sources} {zlib.crc32(archive):08x}\n".encode()


def key_in(content: bytes) -> str | None:
    """Return the key of the sources in an installed archive; None where it is damaged."""
    import zlib

    managed, dummy, rest = content.partition(b"\n")
    said, dummy, archive = rest.partition(b"\n")
    sources, dummy, crc = said.partition(b" ")
    if managed != FIRST_LINE.encode() or crc != b"%08x" % zlib.crc32(archive):
        return None
    return sources.decode("ascii", "replace")


def kept(package: str, archive: str) -> str | None:
    """Return where the host keeps the modules of the package that the zip file brings, compiled.

    None where it keeps none, or others.
    """
    import zipfile

    try:
        # Held open to the end, because what is loaded later must come from the same file.
        fd = os.open(os.path.join(LIBRARY, ARCHIVE), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        with open(fd, "rb", closefd=False) as file:
            there = key_in(file.read())
        with zipfile.ZipFile(archive) as opened:
            brought = key_inside(opened, package)
        if brought == there:
            return f"/proc/self/fd/{fd}/{PACKAGE}"
    except OSError:
        pass
    os.close(fd)
    return None
