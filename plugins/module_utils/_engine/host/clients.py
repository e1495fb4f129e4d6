# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Who is connected to a listener: the kernel's list of sockets, put together by their peers."""

from __future__ import annotations

from collections.abc import Iterable

from . import sock_diag


def clients(
    sockets: Iterable[sock_diag.UnixSocket], chosen: Iterable[sock_diag.UnixSocket]
) -> dict[int, set[int]]:
    """Return for each listener, by its own inode, the sockets that are connected to it.

    A connection's end at the daemon has the name and the file of the listener; the other end of a
    datagram socket is the listener itself (``net/unix/af_unix.c``).
    """
    by_key: dict[object, int] = {}
    found: dict[int, set[int]] = {}
    for one in chosen:
        found[one.number] = set(one.waiting)
        by_key[_key(one)] = one.number
    for one in sockets:
        if not one.peer:
            continue
        if one.type == "dgram":
            if one.peer in found:
                found[one.peer].add(one.number)
            continue
        listener = by_key.get(_key(one)) if one.name else None
        if listener is not None:
            found[listener].add(one.peer)
    for peers in found.values():
        # One that has gone already.
        peers.discard(0)
    return found


def _key(one: sock_diag.UnixSocket) -> object:
    return one.name if one.abstract else (one.device, one.inode)
