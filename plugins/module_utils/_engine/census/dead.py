# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Socket files at which nobody listens: found by their inodes, and no daemon notices."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing

from ..errors import AccessError
from ..host import sock_diag
from ..host.entries import entries, is_special
from ..host.mounts import number_of
from ..host.pinned import open_at, pin
from . import places
from .catalogue import DEAD_BY_DESIGN, known

_RUN = "/run"
# What is mounted below /run may belong to anybody, and hang; these are systemd's own tmpfs.
_PLAIN_MOUNTS = ("/run/lock", "/run/user")
# As far as anybody means to go: each has a descriptor, and users make as many as they like.
_DEEPEST = 64
_Identity = tuple[int, int]


def socket_files(tell: Callable[[str], None]) -> Iterator[str]:
    """Yield the paths of all sockets below ``/run``, without looking into what is mounted there.

    What could not be looked at because it is a user's own file system is told.
    """
    with closing(pin(_RUN)) as held:
        if held.leaf is not None:
            yield from _below(held.leaf, number_of(held.leaf), _RUN, tell)


def _below(
    directory: int, mount: int | None, above: str, tell: Callable[[str], None]
) -> Iterator[str]:
    try:
        found = entries(directory)
    except OSError:
        return
    for entry in found:
        path = f"{above}/{entry.name}"
        # The type comes with the name, so nothing that could hang is looked at.
        if entry.is_dir(follow_symlinks=False):
            yield from _in(entry.name, directory, mount, path, tell)
        elif is_special(entry):
            yield path


def _in(
    name: str, above: int, mount: int | None, path: str, tell: Callable[[str], None]
) -> Iterator[str]:
    if path.count("/") > _DEEPEST:
        return
    try:
        fd, found = open_at(name, above, mount, path)
    except AccessError as error:
        tell(str(error))
        return
    except OSError:
        return
    try:
        if found == mount or _is_plain(path):
            yield from _below(fd, found, path, tell)
    finally:
        os.close(fd)


def _is_plain(path: str) -> bool:
    return path in _PLAIN_MOUNTS or (os.path.dirname(path) == "/run/user")


def dead(paths: Iterable[str], alive: Callable[[_Identity], bool]) -> Iterator[str]:
    """Yield those of the paths at which a socket is and nobody listens in this network namespace."""
    for path in dict.fromkeys(paths):
        if known(path, DEAD_BY_DESIGN):
            continue
        found = places.identities(path)
        if found and not any(alive(one) for one in found):
            yield path


def bound(sockets: Iterable[sock_diag.UnixSocket]) -> set[_Identity]:
    """Return the files of all sockets that are bound, whether they listen already or not.

    An accepted connection has the file of its listener, which may be gone (unix(7)).
    """
    return {
        (one.device, one.inode)
        for one in sockets
        if one.device is not None and one.inode is not None and holds_its_name(one)
    }


def holds_its_name(one: sock_diag.UnixSocket) -> bool:
    """Tell whether a socket was bound itself, and is not a connection that a listener accepted."""
    return one.state != sock_diag.ESTABLISHED or one.type == "dgram"


class Elsewhere:
    """Listeners in all other network namespaces of the host, asked for once and only if needed."""

    def __init__(self) -> None:
        self._known: set[_Identity] | None = None
        self.hidden = 0

    def has(self, path: str) -> bool:
        """Tell whether somebody in another network namespace listens at a path."""
        if self._known is None:
            self._known = set()
            for pid in sock_diag.one_of_each():
                try:
                    self._known |= bound(sock_diag.dump(pid))
                except OSError:
                    self.hidden += 1
        if not self._known.isdisjoint(places.identities(path)):
            return True
        # Names in /proc/PID/net/unix prove nothing: they are raw there, so one with a newline in it
        # imitates the line of another socket (unix_seq_show in Linux net/unix/af_unix.c).
        return bool(self.hidden) and places.is_bound(path) is not False
