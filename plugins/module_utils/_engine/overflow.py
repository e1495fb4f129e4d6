# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Clients whom a gate would refuse for ever: whose ids stand for all who are not mapped.

A proof cannot tell, because a gate accepts a connection before it refuses its caller.
"""

from __future__ import annotations

from collections.abc import Iterator

from .endpoints import Place
from .model.account import User
from .policy.endpoint_keys import GATE
from .survey import Surveyed


def never_let_in(place: Place, one: Surveyed) -> Iterator[str]:
    """Yield a problem for each client of a gate that its server cannot let in."""
    if place.method != GATE:
        return
    # Only where there is a gate: the room is the server's.
    from .gate.peer import overflow_ids

    ids = overflow_ids()
    for client in one.facts.allowed:
        account, whose = client.account, "its id"
        if not isinstance(account, User):
            number = account.gid
        else:
            number = account.uid
            if number not in ids and account.known:
                number, whose = account.credentials.gid, "the id of its primary group"
        if number in ids:
            yield (
                f"The gate at {place.endpoint.at} would never let {client.label} in, because "
                f"{whose}, {number}, stands for everyone who is not mapped in a user namespace; "
                "give the client an id of its own, or choose the method group or acl."
            )
