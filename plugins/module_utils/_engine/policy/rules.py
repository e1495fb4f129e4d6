# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""What must hold between the values of one socket, and between sockets.

Each rule takes checked values, those of lists with their places, and the place of the socket, and
yields problems.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Callable, cast

from .endpoint_rules import ENDPOINT_RULES
from .problems import Place, Problem, elsewhere
from .serve import served_alone
from .table import Item, Values
from .types import Grant, Principal

Rule = Callable[[Values, Place], Iterator[Problem]]


def _grants(values: Values) -> list[tuple[Grant, Place]]:
    items = cast(list[Item], values.get("allow", []))
    return [(cast(Grant, item.value), item.place) for item in items]


def _refusals(values: Values) -> list[tuple[Principal, Place]]:
    items = cast(list[Item], values.get("refuse", []))
    return [(cast(Principal, item.value), item.place) for item in items]


def _owner(values: Values) -> Principal | None:
    owner = values.get("owner")
    return Principal("user", owner) if isinstance(owner, str) else None


def granted_twice(values: Values, here: Place) -> Iterator[Problem]:
    """One principal has one grant at each place; equal ones have collapsed before."""
    first: dict[tuple[Principal, str], Place] = {}
    for grant, place in _grants(values):
        where = "" if grant.endpoint is None else grant.endpoint.at
        other = first.setdefault((grant.principal, where), place)
        if other is not place:
            yield place.problem(
                f"The {grant.principal} is granted here and in {elsewhere(place, other)} with "
                "different keys; keep one of the two grants, or write the same keys in both.",
            )


def allowed_and_refused(values: Values, here: Place) -> Iterator[Problem]:
    """Nobody is allowed and refused at once."""
    refused = dict(_refusals(values))
    for grant, place in _grants(values):
        other = refused.get(grant.principal)
        if other is not None:
            yield place.problem(
                f"The {grant.principal} is allowed here and refused in "
                f"{elsewhere(place, other)}; remove one of the two.",
            )


def owner_granted(values: Values, here: Place) -> Iterator[Problem]:
    """The owner class alone decides for the owner (acl(5), access check algorithm)."""
    for grant, place in _grants(values):
        elsewhere = grant.endpoint is not None and grant.method != "bind_mount"
        if grant.principal == _owner(values) and not elsewhere:
            yield place.problem(
                f"The {grant.principal} owns the socket, and for the owner the kernel looks at the "
                "owner's bits of the mode only, so this grant would have no effect; remove it, and "
                "set the owner's bits through mode if the owner must connect."
            )


def owner_refused(values: Values, here: Place) -> Iterator[Problem]:
    """The owner can give himself every permission back with chmod(2)."""
    for principal, place in _refusals(values):
        if principal == _owner(values):
            yield place.problem(
                f"The {principal} owns the socket and can always change its mode, so the owner "
                "cannot be refused; remove the item, or declare another owner."
            )


def root_refused(values: Values, here: Place) -> Iterator[Problem]:
    """Root passes every permission check (capabilities(7), CAP_DAC_OVERRIDE)."""
    for principal, place in _refusals(values):
        if principal in (Principal("user", "root"), Principal("user", "0")):
            yield place.problem(
                f"The {principal} passes every permission check (capabilities(7), "
                "CAP_DAC_OVERRIDE), so root cannot be refused; remove the item."
            )


def restart_without_use(values: Values, here: Place) -> Iterator[Problem]:
    """Only a user who gets a new group needs his processes restarted."""
    for grant, place in _grants(values):
        if not grant.restart_clients:
            continue
        where = place.at("restart_clients")
        if grant.principal.kind != "user":
            yield where.problem(
                f"restart_clients does nothing for the {grant.principal}, because a grant for a "
                "group changes nobody's membership; remove the key."
            )
        elif grant.method not in ("auto", "group") or grant.endpoint is not None:
            how = "at another path" if grant.method == "auto" else f"with the method {grant.method}"
            yield where.problem(
                f"restart_clients does nothing for the {grant.principal} {how}, because "
                "that works for running processes at once; remove the key, or use the method group."
            )


def unit_keys(values: Values, here: Place) -> Iterator[Problem]:
    """What is said of the unit's hook needs a unit that has such a hook."""
    if not values.doubtful.isdisjoint(("unit", "serve")) or "serve" in values:
        return
    unit = values.get("unit")
    for key in ("unit_user", "strict", "born", "deadline"):
        if not values.get(key):
            continue
        if not isinstance(unit, str):
            yield here.at(key).problem(
                f"{key} does nothing without unit; declare the unit that creates the socket, or "
                "remove the key."
            )
        elif key in ("born", "deadline") and unit.endswith(".socket"):
            yield here.at(key).problem(
                f"{key} does nothing for {unit}, because systemd itself creates the socket of a "
                ".socket unit, with owner, group and mode as they shall be; remove the key."
            )
        elif key == "born" and values.get("unit_user"):
            yield here.at(key).problem(
                f"born cannot be had for {unit}, because a user's own manager may not give a "
                "service another group; remove the key."
            )


def above_the_socket(values: Values, here: Place) -> Iterator[Problem]:
    """Named directories lie on the way to the socket, as its path spells it."""
    path = values.get("path")
    if not isinstance(path, str):
        return
    trusted = cast(list[Item], values.get("trust_directories", []))
    ends = []
    for grant, place in _grants(values):
        end = path if grant.endpoint is None else grant.endpoint.at
        ends.append(end)
        parents = [(parent, place.at("open_parents")) for parent in grant.open_parents]
        yield from _not_above([end], parents)
    named = [(cast(str, item.value), item.place) for item in trusted]
    # They may be above the endpoint of a grant that was refused.
    if "allow" not in values.doubtful:
        yield from _not_above([path, *ends], named)


def _not_above(paths: list[str], named: list[tuple[str, Place]]) -> Iterator[Problem]:
    above = list(dict.fromkeys(parent for path in paths for parent in _ancestors(path)))
    for directory, place in named:
        if directory not in above:
            yield place.problem(
                f"{directory} is not a directory above the socket {paths[0]}; name one of "
                f"{', '.join(above)}, or remove it."
            )


def _ancestors(path: str) -> list[str]:
    """Return every directory above a normal absolute path, the nearest first."""
    above = []
    while path != "/":
        path = path.rpartition("/")[0] or "/"
        above.append(path)
    return above


SOCKET_RULES: tuple[Rule, ...] = (
    *ENDPOINT_RULES,
    served_alone,
    granted_twice,
    allowed_and_refused,
    owner_granted,
    owner_refused,
    root_refused,
    restart_without_use,
    unit_keys,
    above_the_socket,
)


def one_name_for_a_path(paths: Mapping[str, tuple[str, Place]]) -> Iterator[Problem]:
    """Each path is declared under one name; ``paths`` maps names to path and place."""
    first: dict[str, str] = {}
    for name, (path, place) in paths.items():
        other = first.setdefault(path, name)
        if other == name:
            continue
        there = paths[other][1]
        inside = "" if there.variable == place.variable else f" in {there.variable}"
        yield place.problem(
            f"The path {path} is declared under the name {name} and under the name {other}"
            f"{inside}; declare each socket under one name, and its lists add up."
        )
