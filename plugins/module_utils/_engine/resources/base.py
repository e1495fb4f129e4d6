# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""What a resource is: one low-level thing on the host that can be read, compared and written.

Check mode, diff, transaction, rollback, drift, purge and undo are written once, over this, in the
room ``converge``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Generic, TypeVar

# The order of changes in a run: what keeps a socket right goes before the socket is given back, and
# is there before the socket is changed; what closes comes before what opens.
MEMBERS_GO = 0
UNITS_STOP, MOUNTS_GO, FILES_GO, ENGINE_GOES = 1, 2, 3, 4
ENGINE_COMES, FILES_COME, UNITS_START = 5, 6, 7
DIRECTORIES_CLOSE, SOCKETS, DIRECTORIES_OPEN = 8, 9, 10
MOUNTS_COME = 11
MEMBERS_COME = 12
# Last, so that what the run itself changes wakes nobody.
WATCHES_START = 13

State = TypeVar("State")
Request = TypeVar("Request")


class Resource(ABC, Generic[State, Request]):
    """One thing on the host; ``key`` names it in the record, the same on every run."""

    key: str
    # Whether putting it into effect makes sockets, which did not exist when the run looked.
    makes_sockets = False

    @abstractmethod
    def read(self) -> State | None:
        """Return what is there, or None while the thing does not exist.

        This and ``write`` raise Withheld where a user keeps a thing of his own from us.
        """

    @abstractmethod
    def wanted(self, base: State, requests: Mapping[str, Request]) -> State:
        """Return what shall be there: ``base`` is what would be there without any request."""

    @abstractmethod
    def without_us(self, current: State, before: State, applied: State) -> State:
        """Return what would be there without us, what others changed since left as it is."""

    def healed(self, current: State, before: State, applied: State) -> State:
        """Return what would be there without us after a run that was killed while it wrote this."""
        return before

    def remembered(self, before: State, base: State) -> State:
        """Return what is to be put back one day.

        That is what would be there without us now: a part that somebody else changed since keeps
        the value that it was given then.
        """
        return base

    @abstractmethod
    def write(self, target: State) -> None:
        """Put a state into effect; a part that is there already is not written again."""

    def foresee(self) -> None:
        """Raise what ``write`` would, as far as that can be known before; by default nothing."""
        return None

    def interrupted(self) -> None:
        """A run that was killed may have written this and not settled it; by default nothing."""
        return None

    def settle(self) -> None:
        """Do what follows once all changes of the same place are written; by default nothing."""
        return None

    @abstractmethod
    def place(self, current: State, target: State) -> int:
        """Return the place of a change in the order of the run."""

    def narrows(self, current: State, target: State) -> bool:
        """Tell whether a change may take from somebody what lets him in by a path."""
        return False

    @abstractmethod
    def in_words(self, state: State | None) -> str:
        """Return the state as lines for a diff."""

    @abstractmethod
    def changes(self, current: State, target: State) -> list[str]:
        """Return the difference as whole sentences."""

    def identity(self) -> str | None:
        """Return what tells this thing from a later one of the same name, if it can be renewed."""
        return None

    def merge(self, old: Request, new: Request, *, adds: bool) -> Request:
        """Return what a holder asks now, who asked for ``old`` earlier and may add to that."""
        return new

    @abstractmethod
    def state_to_json(self, state: State) -> Any:
        """Return the state in the form in which the record keeps it."""

    @abstractmethod
    def state_from_json(self, data: Any) -> State:
        """Return the state from the record."""

    @abstractmethod
    def request_to_json(self, request: Request) -> Any:
        """Return a request in the form in which the record keeps it."""

    @abstractmethod
    def request_from_json(self, data: Any) -> Request:
        """Return a request from the record."""
