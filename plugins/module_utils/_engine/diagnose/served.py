# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Who is behind the inode of a socket, in any network namespace of the host.

A path leads to its socket from every network namespace: the kernel looks for the inode alone
(``unix_find_socket_byinode`` in Linux ``net/unix/af_unix.c``).
"""

from __future__ import annotations

import os
from collections.abc import Collection

from ..census.dead import holds_its_name
from ..host import sock_diag
from ..host.sock_diag import UnixSocket, one_of_each

Identities = Collection[tuple[int, int]]

_SHOW = (
    sock_diag.SHOW_NAME
    | sock_diag.SHOW_VFS
    | sock_diag.SHOW_PEER
    | sock_diag.SHOW_QUEUE
    | sock_diag.SHOW_WAITING
)


class Sockets:
    """The sockets of the host, each network namespace asked once and only if it is needed.

    ``unseen`` holds whole sentences about what the kernel did not tell.
    """

    def __init__(self) -> None:
        self.unseen: list[str] = []
        own = sock_diag.own(_SHOW)
        self._own = _by_file(own)
        # The kernel may end the name of a path with a zero byte (unix(7), Pathname sockets).
        self._called = {one.number: (one.name or b"").rstrip(b"\0") for one in own if one.takes}
        self._others: dict[tuple[int, int], UnixSocket] | None = None

    def at(self, identities: Identities) -> UnixSocket | None:
        """Return the socket that was bound to a file with one of these devices and inodes."""
        for known in (self._own, None):
            where = self._elsewhere() if known is None else known
            for one in identities:
                if one in where:
                    return where[one]
        return None

    def files(self) -> set[tuple[int, int]]:
        """Return the files of all sockets that were bound in one's own network namespace."""
        return set(self._own)

    def called(self, path: str) -> set[int]:
        """Return the numbers of those that bind(2) was called for with this path."""
        name = os.fsencode(path)
        return {number for number, called in self._called.items() if called == name}

    def _elsewhere(self) -> dict[tuple[int, int], UnixSocket]:
        if self._others is None:
            self._others = {}
            hidden = 0
            for pid in one_of_each():
                try:
                    self._others.update(_by_file(sock_diag.dump(pid, _SHOW)))
                except OSError:
                    hidden += 1
            if hidden:
                self.unseen.append(
                    "Other network namespaces that could not be entered, so that somebody may "
                    f"listen there: {hidden} (it takes CAP_SYS_ADMIN)."
                )
        return self._others


def _by_file(sockets: Collection[UnixSocket]) -> dict[tuple[int, int], UnixSocket]:
    return {
        (one.device, one.inode): one
        for one in sockets
        if one.device is not None and one.inode is not None and holds_its_name(one)
    }
