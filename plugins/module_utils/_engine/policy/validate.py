# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""A declaration becomes a Policy, or an error that carries every mistake in it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from .endpoint_rules import endpoints, one_use_for_an_endpoint
from .keys import IN_ALLOW, SOCKET_KEYS, plain, principal
from .nearest import kind, show
from .problems import Origins, Place, PolicyError, Problem, Wrong
from .rules import SOCKET_RULES, one_name_for_a_path
from .table import mapping, read
from .types import Policy, Principal, SocketPolicy

# The name becomes a part of file and unit names on the host.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


def validate(declaration: object, origin: Origins | None = None) -> Policy:
    """Return the policy that the declaration describes.

    ``origin`` tells which variable each part came from, for the messages.  Raises PolicyError with
    all problems at once; no other error, whatever the declaration is.
    """
    policy, problems = check(declaration, origin)
    if problems:
        raise PolicyError(problems)
    return policy


def principals(values: Sequence[object], variable: str, key: str) -> tuple[Principal, ...]:
    """Return the principals of a list outside of a declaration, such as an option of a module.

    Raises PolicyError with all problems at once.
    """
    place = Place(Origins(default=variable), variable, None, key)
    found: list[Principal] = []
    problems: list[Problem] = []
    for index, value in enumerate(values):
        try:
            found.append(principal(value, place.item(index)))
        except Wrong as wrong:
            problems += wrong.problems
    if problems:
        raise PolicyError(problems)
    return tuple(found)


def check(declaration: object, origin: Origins | None = None) -> tuple[Policy, list[Problem]]:
    """Return the policy of all that is right in the declaration, and all problems."""
    origins = origin or Origins()
    sockets: list[SocketPolicy] = []
    problems: list[Problem] = []
    paths: dict[str, tuple[str, Place]] = {}
    ends: list[tuple[str, str, Place]] = []
    try:
        declared = mapping(
            declaration,
            Place(origins, origins.default),
            "a dictionary of sockets by name, or {} for none",
        )
    except Wrong as wrong:
        return Policy(()), list(wrong.problems)
    for key, value in declared.items():
        try:
            name = _name(key, origins)
            place = Place.of_socket(origins, name)
            keys = mapping(value, place, "a dictionary with at least the key path")
        except Wrong as wrong:
            problems += wrong.problems
            continue
        values, found = read(keys, place, SOCKET_KEYS, IN_ALLOW)
        found += [problem for rule in SOCKET_RULES for problem in rule(values, place)]
        if isinstance(values.get("path"), str):
            paths[name] = (str(values["path"]), place.at("path"))
        ends += [
            (name, endpoint.at, where.at("at")) for dummy, endpoint, where in endpoints(values)
        ]
        if not found:
            sockets.append(_socket(name, values))
        problems += found
    problems += [*one_name_for_a_path(paths), *one_use_for_an_endpoint(ends, paths)]
    return Policy(tuple(sorted(sockets, key=lambda socket: socket.name))), problems


def _name(key: object, origins: Origins) -> str:
    """Return the name of a socket if it can be a part of file and unit names."""
    place = Place(origins, origins.default)
    if not isinstance(key, str):
        place.wrong(f"The name of a socket is {kind(key)}; put the name in quotes.")
    if not _NAME.fullmatch(key):
        # The name is shown in the message, because it may not be fit for a line of text.
        variables = Place.of_socket(origins, key).variable
        Place(origins, variables).wrong(
            f"The socket name {show(key)} cannot be a part of file and unit names; start with a "
            "letter or digit and write at most 64 letters, digits, dots, dashes and underscores."
        )
    return str(key)


def _socket(name: str, values: Mapping[str, object]) -> SocketPolicy:
    """Return the checked values as a type; the fields have the names of the keys."""
    fields: dict[str, Any] = {key: plain(value) for key, value in values.items()}
    return SocketPolicy(name, **fields)
