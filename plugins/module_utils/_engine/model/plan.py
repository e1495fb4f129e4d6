# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""What is going to be done for one socket, before anything is done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from .access import AccessRequest


class Rejected(NamedTuple):
    """A method that was not chosen, and why."""

    method: str
    reason: str


class Choice(NamedTuple):
    """The method of one grant, the reason in words, and what was rejected for it.

    ``before`` is the method by which an earlier run let the principal in, None where there was none
    or nobody chose it.
    """

    method: str
    reason: str
    rejected: tuple[Rejected, ...] = ()
    before: str | None = None

    @property
    def changed(self) -> bool:
        """Tell whether a grant that was there is from now on made by another method."""
        return self.before is not None and self.before != self.method


class Demand(NamedTuple):
    """What one method wants of the host for its grants of one socket.

    ``memberships`` are pairs (user name, group name), ``problems`` whole sentences that stop the run
    before anything is changed.
    """

    access: AccessRequest = AccessRequest()
    memberships: tuple[tuple[str, str], ...] = ()
    problems: tuple[str, ...] = ()


class SocketPlan(NamedTuple):
    """The plan for one socket; ``access`` is None where the demands contradict each other.

    ``choices`` stand in the order of the declared grants.  ``searches`` are requests on directories
    by resolved path.  ``open_to_all`` tells that the declared mode lets everyone connect.
    """

    choices: tuple[Choice, ...]
    access: AccessRequest | None
    memberships: tuple[tuple[str, str], ...]
    searches: Mapping[str, AccessRequest]
    open_to_all: bool
    notes: tuple[str, ...] = ()
