# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Where a client finds its socket: the environment of its unit."""

from __future__ import annotations

from ..policy import Endpoint
from .parts import KeptFile, drop_in_of
from .service_units import assignment, lines


def client_file(name: str, endpoint: Endpoint) -> KeptFile | None:
    """Return the drop-in that tells the client of an endpoint where it is, if that is declared.

    ``name`` is the endpoint's own.
    """
    if endpoint.client_unit is None:
        return None
    return KeptFile(
        drop_in_of(endpoint.client_unit, name),
        lines(
            "[Service]", *(f"Environment={assignment(*one)}" for one in endpoint.client_environment)
        ),
    )
