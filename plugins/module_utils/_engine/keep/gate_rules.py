# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""The rules of one gate in the form in which its server reads them."""

from __future__ import annotations

import json
from typing import Any

from ..endpoints import Place

_MANAGED = "Managed by the Ansible collection unixsocket.access; do not edit."


def gate_rules(place: Place, type_: str, forward: str) -> str:
    """Return the rules of a gate that forwards to a socket, as JSON.

    Names stay names: the server asks for their ids whenever it reads its rules.
    """
    endpoint = place.endpoint
    rules: dict[str, Any] = {
        "about": _MANAGED,
        "name": place.name,
        "path": endpoint.at,
        "type": type_,
        "users": [one.name for one in place.principals if one.kind == "user"],
        "groups": [one.name for one in place.principals if one.kind == "group"],
        "forward": forward,
    }
    for key in ("max_connections", "max_connections_per_user", "max_message"):
        value = getattr(endpoint, key)
        if value is not None:
            rules[key] = value
    return json.dumps(rules, indent=1) + "\n"
