# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""How much one user may have written down in a second, of each kind."""

from __future__ import annotations

ANYBODY = -1
# Whoever has thousands of ids must not get thousands of shares: all beyond these have one.
USERS = 1024


class Budget:
    """What was spent in this second, by user and kind."""

    def __init__(self) -> None:
        self._spent: dict[str, dict[int, int]] = {}

    def __bool__(self) -> bool:
        return bool(self._spent)

    def spend(self, uid: int, kind: str, most: int, cost: int) -> bool:
        """Tell whether so much more may be written; what does not fit is the end for this second."""
        # Each kind has its own: whoever is sent away as many must not take the name from others.
        shares = self._spent.setdefault(kind, {})
        if uid not in shares and len(shares) >= USERS:
            uid = ANYBODY
        shares[uid] = spent = shares.get(uid, 0) + cost
        return spent <= most

    def clear(self) -> None:
        """Begin the next second."""
        self._spent.clear()
