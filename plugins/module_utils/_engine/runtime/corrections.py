# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""How often a socket was corrected lately, so that nobody fights a daemon for ever."""

from __future__ import annotations

import json
import os
from typing import NamedTuple

from ..host import atomic_file

# A row ends with five seconds in which nothing had to be corrected: counted from the end of a
# correction, so that a slow host sees a fight as well.
# A daemon that is restarted makes its socket anew, and what a new inode needs once is no fight; one
# that answers each correction with a new inode comes to its end later.
MOST, MOST_ANEW, GAP, QUIET = 10, 60, 5.0, 60.0
Inode = tuple[int, int]
_MODE = 0o600


class Corrections(NamedTuple):
    """When corrections were made, and when they were last asked for after they were given up.

    All times are seconds since boot (CLOCK_BOOTTIME), which no change of the clock moves.
    ``of_inode`` is how many of those in a row were made on the latest inode, device and number.
    """

    made: tuple[float, ...] = ()
    given_up: float | None = None
    inode: Inode | None = None
    of_inode: int = 0

    def at(self, now: float) -> Corrections:
        """Return what still counts: the corrections in a row that goes on.

        Having given up counts until nothing was asked for a whole minute.
        """
        if self.given_up is not None and not now - QUIET < self.given_up <= now:
            return Corrections()
        if self.made and not now - GAP < self.made[-1] <= now:
            return self._replace(made=(), inode=None, of_inode=0)
        return self

    @property
    def exhausted(self) -> bool:
        """Tell whether there were so many that the next one is not to be made."""
        return self.given_up is not None or self.of_inode >= MOST or len(self.made) >= MOST_ANEW

    def one_more(self, now: float, inode: Inode | None) -> Corrections:
        """Return these and one that was made now, on this inode; None where none is left."""
        of_inode = self.of_inode + 1 if inode == self.inode else 1
        return self._replace(made=(*self.made, now), inode=inode, of_inode=of_inode)

    def refused(self, now: float) -> Corrections:
        """Return these, and that one was asked for now and not made."""
        return self._replace(given_up=now)


class CorrectionsFile:
    """Where a host remembers them until it is started anew; one file for each socket."""

    def __init__(self, directory: str, name: str) -> None:
        self._directory = directory
        self._path = os.path.join(directory, name)

    def load(self) -> Corrections:
        """Return what is remembered; a file that cannot be understood counts as none."""
        try:
            data = json.loads(atomic_file.read(self._path) or b"{}")
            given_up, inode = data.get("given_up"), data.get("inode")
            return Corrections(
                tuple(float(one) for one in data.get("made", ())),
                None if given_up is None else float(given_up),
                None if inode is None else (int(inode[0]), int(inode[1])),
                int(data.get("of_inode", 0)),
            )
        except (
            ArithmeticError,
            LookupError,
            RecursionError,
            TypeError,
            ValueError,
            AttributeError,
        ):
            return Corrections()

    def save(self, corrections: Corrections) -> None:
        """Remember; nothing to remember leaves no file and no directory."""
        if corrections == Corrections():
            self._forget()
            return
        os.makedirs(self._directory, mode=0o755, exist_ok=True)
        content = json.dumps(corrections._asdict())
        atomic_file.replace(self._path, f"{content}\n".encode(), _MODE)

    def _forget(self) -> None:
        try:
            os.unlink(self._path)
        except FileNotFoundError:
            return
        try:
            os.rmdir(self._directory)
        except OSError:
            pass  # Another socket's corrections are remembered there.
