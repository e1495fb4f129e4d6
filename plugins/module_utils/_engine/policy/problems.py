# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""What is wrong with a declaration, and the variable in which to look for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple, NoReturn

from ..errors import AccessError
from .nearest import label

MAIN_VARIABLE = "socket_policy_sockets"


class Problem(NamedTuple):
    """One mistake: where it is, and what is wrong with the way out (whole sentences)."""

    variable: str
    socket: str | None
    key: str | None
    message: str

    def __str__(self) -> str:
        """Return the problem as one line that names variable, socket and key."""
        where = [f"In {self.variable}"]
        if self.socket is not None:
            where.append(f"socket {label(self.socket)}")
        if self.key is not None:
            where.append(f"key {label(self.key)}")
        return f"{', '.join(where)}: {self.message}"


class PolicyError(AccessError):
    """A declaration with mistakes, all of them at once, one a line."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class Wrong(Exception):
    """A value was refused; how a checker hands its problems up within this package."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class Origins(NamedTuple):
    """From which variable each part of a merged declaration came.

    ``sockets``: name to variables; ``keys``: (name, key) to variable; ``items``: (name, key, index
    in the merged list) to the variable and the index in that variable's own list.  ``default`` is
    the variable of everything that is not listed.
    """

    default: str = MAIN_VARIABLE
    sockets: Mapping[str, tuple[str, ...]] = MappingProxyType({})
    keys: Mapping[tuple[str, str], str] = MappingProxyType({})
    items: Mapping[tuple[str, str, int], tuple[str, int]] = MappingProxyType({})


class Place(NamedTuple):
    """A place in a declaration, for messages: variable, socket and key ("allow[0].user")."""

    origins: Origins
    variable: str
    socket: str | None = None
    key: str | None = None

    @classmethod
    def of_socket(cls, origins: Origins, name: str) -> Place:
        """Return the place of a socket, which several variables may declare together."""
        variables = origins.sockets.get(name, (origins.default,))
        return cls(origins, " and ".join(variables), name)

    def at(self, key: str) -> Place:
        """Return the place of a key of the socket or, inside a list's item, of that item."""
        if self.key is not None:
            return Place(self.origins, self.variable, self.socket, f"{self.key}.{key}")
        variable = self.origins.keys.get((self.socket or "", key), self.variable)
        return Place(self.origins, variable, self.socket, key)

    def item(self, index: int) -> Place:
        """Return the place of an item of this list, counted in the variable it was written in."""
        where = (self.socket or "", self.key or "", index)
        variable, own_index = self.origins.items.get(where, (self.variable, index))
        return Place(self.origins, variable, self.socket, f"{self.key}[{own_index}]")

    def problem(self, message: str) -> Problem:
        """Return a problem at this place."""
        return Problem(self.variable, self.socket, self.key, message)

    def wrong(self, message: str) -> NoReturn:
        """Refuse the value at this place."""
        raise Wrong([self.problem(message)])


def elsewhere(place: Place, other: Place) -> str:
    """Return where the other place is, with its variable if that is another one."""
    return (
        f"{other.key}" if place.variable == other.variable else f"{other.key} of {other.variable}"
    )
