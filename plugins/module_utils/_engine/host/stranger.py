# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""An identity that belongs to no one, to prove that a socket is closed to everyone else."""

from __future__ import annotations

from typing import Callable

from ..errors import AccessError
from ..model.account import Credentials

# Below systemd's ranges for containers' foreign ids, above all others (systemd.io/UIDS-GIDS).
_HIGHEST = 2_147_000_000
_LOWEST = 1000
# The overflow id, and (uid_t)-1 in 16 bits; -1 and 2^31 in 32 bits lie above _HIGHEST.
_SPECIAL = frozenset({65534, 65535})


def stranger(
    uid_taken: Callable[[int], bool],
    gid_taken: Callable[[int], bool],
    highest: int = _HIGHEST,
) -> Credentials:
    """Return credentials whose user and group id nobody has, and no supplementary groups.

    The two functions tell whether an id is in use; ``highest`` bounds the search, which goes down
    from there.  Raises AccessError when a thousand ids in a row are taken.
    """
    return Credentials(_free(uid_taken, highest, "user"), _free(gid_taken, highest, "group"))


def highest_mapped() -> int:
    """Return the highest id, of users and groups alike, that this user namespace has.

    In a container with a map of its own a higher id cannot be taken on (user_namespaces(7)).
    """
    return min(_HIGHEST, _end_of("/proc/self/uid_map"), _end_of("/proc/self/gid_map"))


def _free(taken: Callable[[int], bool], highest: int, kind: str) -> int:
    top = min(highest, _HIGHEST)
    for number in range(top, max(top - 1000, _LOWEST), -1):
        if number not in _SPECIAL and not taken(number):
            return number
    raise AccessError(
        f"No {kind} id that belongs to no one was found below {top}, so that the socket is closed "
        "to strangers cannot be proven; turn the proof off, or free an id there."
    )


def _end_of(path: str) -> int:
    """Return the highest id of a map: lines of first id inside, first id outside, count."""
    try:
        with open(path, encoding="ascii") as file:
            rows = [[int(word) for word in line.split()] for line in file]
    except OSError:
        return _HIGHEST
    return max((row[0] + row[2] - 1 for row in rows), default=_HIGHEST)
