# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""The rules of gates in the form in which their server reads them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from ..endpoints import Place
from ..policy import Serve
from ..policy.serve import SERVE_KEYS
from ..shortcut import MANAGED
from .parts import POLICIES

GATES = f"{POLICIES}/gates"


def forward_rules(place: Place, type_: str, forward: str) -> str:
    """Return the rules of a gate that forwards to a socket, as JSON."""
    keys = ("max_connections", "max_connections_per_user", "max_message")
    return _rules(place, type_, {"forward": forward, **_said(place.endpoint, keys)})


def serve_rules(place: Place, type_: str, serve: Serve) -> str:
    """Return the rules of a gate that runs a command for each request, as JSON."""
    keys = [key for key in SERVE_KEYS if key not in ("command", "user")]
    return _rules(place, type_, {"command": list(serve.command), **_said(serve, keys)})


def _rules(place: Place, type_: str, more: dict[str, Any]) -> str:
    """Names stay names: the server asks for their ids whenever it reads its rules."""
    rules = {
        "about": MANAGED,
        "name": place.name,
        "path": place.endpoint.at,
        "type": type_,
        "users": [one.name for one in place.principals if one.kind == "user"],
        "groups": [one.name for one in place.principals if one.kind == "group"],
        **more,
    }
    return json.dumps(rules, indent=1) + "\n"


def _said(declared: object, keys: Iterable[str]) -> dict[str, Any]:
    return {key: value for key in keys if (value := getattr(declared, key)) is not None}
