# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""The parts of a declaration, each from a variable of its own, become one.

Lists add up, and everything else must be said alike wherever it is said.  The variable that each
part came from is kept, for the messages of the validation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy.keys import (
    SOCKET_KEYS,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy.nearest import show
from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy.problems import (
    Origins,
    Place,
    PolicyError,
    Problem,
    Wrong,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy.table import (
    Row,
    items,
    mapping,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy.types import Policy
from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy.validate import check


@dataclass(frozen=True)
class Merged:
    """One declaration, where its parts came from, and what contradicts itself."""

    declaration: dict[object, object]
    origins: Origins
    problems: tuple[Problem, ...]


def load(fragments: Mapping[str, object]) -> Policy:
    """Merge and validate the fragments, which are given by the names of their variables.

    Raises PolicyError with every problem of both.
    """
    merged = merge(fragments)
    policy, problems = check(merged.declaration, merged.origins)
    if merged.problems or problems:
        raise PolicyError([*merged.problems, *problems])
    return policy


def merge(fragments: Mapping[str, object]) -> Merged:
    """Return all fragments as one declaration.

    The result does not depend on the order of ``fragments``: the main variable comes first, the
    others follow by name.  What has a wrong shape is left out and is a problem; of two different
    values the first stays, and that they differ is a problem.  The fragments are not changed.
    """
    merging = _Merging()
    # The main variable is a prefix of the others, so it sorts before them.
    for variable in sorted(fragments):
        merging.add(variable, fragments[variable])
    return merging.result()


class _Merging:
    """A merge on its way."""

    def __init__(self) -> None:
        self._sockets: dict[object, dict[object, object]] = {}
        self._problems: list[Problem] = []
        self._variables: dict[str, tuple[str, ...]] = {}
        self._keys: dict[tuple[str, str], str] = {}
        self._items: dict[tuple[str, str, int], tuple[str, int]] = {}
        self._seen: dict[tuple[str, str], set[object]] = {}

    def result(self) -> Merged:
        origins = Origins(
            sockets=dict(self._variables), keys=dict(self._keys), items=dict(self._items)
        )
        return Merged(dict(self._sockets), origins, tuple(self._problems))

    def add(self, variable: str, fragment: object) -> None:
        """Add what one variable declares."""
        here = Place(Origins(default=variable), variable)
        try:
            declared = mapping(fragment, here, "a dictionary of sockets by name, or {} for none")
        except Wrong as wrong:
            self._problems += wrong.problems
            return
        for name, value in declared.items():
            place = Place(here.origins, variable, name if isinstance(name, str) else show(name))
            try:
                keys = mapping(value, place, "a dictionary with at least the key path")
            except Wrong as wrong:
                self._problems += wrong.problems
                continue
            socket = self._sockets.setdefault(name, {})
            if isinstance(name, str):
                self._variables[name] = (*self._variables.get(name, ()), variable)
            for key, part in keys.items():
                row = SOCKET_KEYS.get(key) if isinstance(key, str) else None
                if row is not None and row.listed:
                    self._add_items(socket, place.at(str(key)), row, part)
                else:
                    self._add_value(socket, place, key, part)

    def _add_items(
        self, socket: dict[object, object], place: Place, row: Row, part: object
    ) -> None:
        """Append the items that are not there yet."""
        try:
            added = items(part, place, row)
        except Wrong as wrong:
            self._problems += wrong.problems
            return
        where = (str(place.socket), str(place.key))
        seen = self._seen.setdefault(where, set())
        self._keys.setdefault(where, place.variable)
        total = socket.setdefault(place.key, [])
        if not isinstance(total, list):
            raise AssertionError("a listed key holds a list")
        for index, item in enumerate(added):
            frozen = _frozen(item)
            if frozen not in seen:
                seen.add(frozen)
                there = (*where, len(total))
                self._items[there] = (place.variable, index)
                total.append(item)

    def _add_value(
        self, socket: dict[object, object], place: Place, key: object, value: object
    ) -> None:
        """Put a value in, or compare it with the one that is there."""
        word = key if isinstance(key, str) else show(key)
        where = (str(place.socket), word)
        if key not in socket:
            socket[key] = value
            self._keys[where] = place.variable
            return
        try:
            same = _same(SOCKET_KEYS.get(word), socket[key], value, place.at(word))
        except Wrong as wrong:
            self._problems += wrong.problems
            return
        if not same:
            self._problems.append(
                place.at(word).problem(
                    f"The value is {show(value)} here and {show(socket[key])} in "
                    f"{self._keys[where]}; write the same value in both, or remove one."
                )
            )


def _same(row: Row | None, first: object, value: object, place: Place) -> bool:
    """Tell whether two values mean the same, as 1000 and "1000" do for an owner.

    Raises Wrong if the second value, which the validation will not see, is wrong by itself.
    """
    if _frozen(first) == _frozen(value):
        return True
    if row is None:
        return False
    meant = row.check(value, place)
    try:
        return row.check(first, place) == meant
    except Wrong:
        # The validation sees the first value and says what is wrong with it.
        return True


def _frozen(value: object, depth: int = 8) -> object:
    """Return a hashable likeness of a value that tells 1, 1.0 and true apart.

    Nothing that is right is deeper than four levels; what is deeper equals itself only.
    """
    if depth == 0:
        return ("deep", id(value))
    if isinstance(value, Mapping):
        pairs = ((_frozen(k, depth - 1), _frozen(v, depth - 1)) for k, v in value.items())
        return ("dictionary", frozenset(pairs))
    if isinstance(value, (list, tuple)):
        return ("list", tuple(_frozen(item, depth - 1) for item in value))
    if isinstance(value, str):
        return value
    likeness = value if isinstance(value, (int, float)) else repr(value)
    return (type(value).__name__, likeness)
