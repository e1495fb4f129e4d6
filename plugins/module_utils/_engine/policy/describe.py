# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""A policy back as a declaration of plain values: dictionaries, lists, texts and booleans."""

from __future__ import annotations

from typing import Any

from .endpoint_keys import ENDPOINT_FIELDS, ENDPOINT_KEYS
from .moments import written
from .serve import describe_serve
from .types import Endpoint, Grant, Policy, SocketPolicy


def describe(policy: Policy) -> dict[str, dict[str, Any]]:
    """Return the declaration in its normal form: ``validate(describe(policy)) == policy``.

    ``path``, ``allow`` and ``refuse`` are always there, and ``method`` in every grant; the other
    keys only where they say something.  Nothing but JSON's types.
    """
    return {socket.name: _socket(socket) for socket in policy.sockets}


def _socket(socket: SocketPolicy) -> dict[str, Any]:
    described: dict[str, Any] = {"path": socket.path}
    for key in ("type", "unit", "unit_user", "deadline", "owner", "group"):
        if getattr(socket, key) is not None:
            described[key] = getattr(socket, key)
    if socket.mode is not None:
        described["mode"] = f"{socket.mode:04o}"
    described["allow"] = [_grant(grant) for grant in socket.allow]
    described["refuse"] = [{who.kind: who.name} for who in socket.refuse]
    if socket.trust_directories:
        described["trust_directories"] = list(socket.trust_directories)
    for key in ("born", "strict"):
        if getattr(socket, key):
            described[key] = True
    if socket.serve is not None:
        described["serve"] = describe_serve(socket.serve)
    return described


def _grant(grant: Grant) -> dict[str, Any]:
    described: dict[str, Any] = {grant.principal.kind: grant.principal.name, "method": grant.method}
    if grant.open_parents:
        described["open_parents"] = list(grant.open_parents)
    if grant.restart_clients:
        described["restart_clients"] = True
    if grant.expires is not None:
        described["expires"] = written(grant.expires)
    if grant.endpoint is not None:
        described.update(_endpoint(grant.endpoint))
    return described


def _endpoint(endpoint: Endpoint) -> dict[str, Any]:
    described: dict[str, Any] = {}
    for key in ENDPOINT_KEYS:
        value = getattr(endpoint, ENDPOINT_FIELDS.get(key, key))
        if value is None or value is False or value == ():
            continue
        if key.endswith("_mode"):
            value = f"{value:04o}"
        described[key] = dict(value) if key == "client_environment" else value
    return described
