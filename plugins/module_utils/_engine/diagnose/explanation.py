# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""All that there is to say about one principal and one path."""

from __future__ import annotations

from typing import NamedTuple

from ..host.creator import Creator
from ..host.sock_diag import UnixSocket
from ..model.account import Credentials
from ..model.chain import Chain
from ..policy import Principal
from .confined import Confinement
from .declaration import Proposal
from .values import Answer, Cause, Change


class Explanation(NamedTuple):
    """The answer for a new process (``new``), and for the running ones that differ from it.

    ``kind`` is the type of socket that is asked for, None for whatever is there.  ``reason`` is one
    sentence, ``changes`` all that has to change.
    """

    path: str
    principal: Principal
    who: Credentials
    kind: str | None
    chain: Chain
    new: Answer
    running: tuple[Answer, ...]
    reason: str
    changes: tuple[Change, ...]
    socket: UnixSocket | None = None
    creator: Creator | None = None
    confinement: tuple[Confinement, ...] = ()
    proposal: Proposal | None = None
    notes: tuple[str, ...] = ()

    @property
    def decisive(self) -> Cause | None:
        """The cause that the kernel meets first: a new process's, else a running one's."""
        for answer in (self.new, *self.running):
            if answer.causes and answer.counts:
                return answer.causes[0]
        return None

    @property
    def refused(self) -> bool:
        """Tell whether a new process, or one of the running ones that count, is refused."""
        return self.decisive is not None
