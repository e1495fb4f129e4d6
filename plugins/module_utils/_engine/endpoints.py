# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""A declared socket taken apart: what is done at the socket itself, and at each of its endpoints.

The endpoint of a proxy or a gate is a socket of its own, which a unit of ours makes.  So it becomes a
declared socket like any other, with its own access, hooks and proofs.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import NamedTuple

from .policy import Endpoint, Grant, Principal, SocketPolicy
from .policy.endpoint_keys import BIND_MOUNT, GATE, PROXY
from .task import Task

_SERVED = (PROXY, GATE)
_STEM = "socket-access-"


class Place(NamedTuple):
    """One endpoint of a socket: its name on the host, and the grants that connect there."""

    name: str
    method: str
    endpoint: Endpoint
    grants: tuple[Grant, ...]

    @property
    def principals(self) -> tuple[Principal, ...]:
        """Everyone who connects there."""
        return tuple(grant.principal for grant in self.grants)


class Parts(NamedTuple):
    """A task as the run works on it.

    ``here`` is what is done at the socket itself; ``untouched`` tells that this is nothing at all.
    ``mounts`` are the places where its inode appears, ``served`` those of proxies and gates, each with the
    task that the endpoint is by itself.  ``serves`` is the socket as the place of a gate of ours,
    where that makes it to run a command for each request.
    """

    task: Task
    here: Task
    untouched: bool
    mounts: tuple[Place, ...]
    served: tuple[tuple[Place, Task], ...]
    serves: Place | None = None


def take_apart(task: Task) -> Parts:
    """Return the parts of a declared socket."""
    declared = task.declared
    if declared.serve is not None:
        return _serving(task)
    places = list(_places(declared))
    mounts = tuple(place for place in places if place.method == BIND_MOUNT)
    served = tuple((place, _as_task(task, place)) for place in places if place.method in _SERVED)
    here = declared._replace(
        allow=tuple(grant for grant in declared.allow if grant.method not in _SERVED),
        trust_directories=_above(declared.path, declared),
    )
    said = (declared.owner, declared.group, declared.mode)
    untouched = task.leave_inode or (
        bool(served) and not here.allow and all(value is None for value in said)
    )
    return Parts(task, task._replace(declared=here), untouched, mounts, served)


def _serving(task: Task) -> Parts:
    declared = task.declared
    place = Place(declared.name, GATE, Endpoint(declared.path), declared.allow)
    made = declared._replace(unit=unit_of(place))
    return Parts(task, task._replace(declared=made, served=True), False, (), (), place)


def holders_of(task: Task, known: Collection[str]) -> set[str]:
    """Return in whose names a task and its endpoints asked for something, of those ``known``.

    A task that the host keeps stands for itself alone.
    """
    if task.kept:
        return {task.holder}
    starts = (f"{task.holder} at ", f"{task.holder} by ")
    return {task.holder, *(holder for holder in known if holder.startswith(starts))}


def maker_of(task: Task, method: str) -> str:
    """Return in whose name the units of an endpoint are asked for."""
    return f"{task.holder} by {method}"


def unit_of(place: Place) -> str:
    """Return the unit that makes the endpoint of a proxy or a gate."""
    return f"{_STEM}{place.method}-{place.name}.socket"


def method_by(unit: str | None) -> str | None:
    """Return the method of the endpoint that a unit of ours makes, None for any other unit."""
    if unit is None or not unit.endswith(".socket"):
        return None
    return next((one for one in _SERVED if unit.startswith(f"{_STEM}{one}-")), None)


def service_of(unit: str) -> str:
    """Return the service behind the unit that makes an endpoint."""
    return f"{unit.rpartition('.')[0]}.service"


def _places(declared: SocketPolicy) -> Iterator[Place]:
    by_path: dict[str, list[Grant]] = {}
    for grant in declared.allow:
        if grant.endpoint is not None:
            by_path.setdefault(grant.endpoint.at, []).append(grant)
    for at, grants in by_path.items():
        endpoint = grants[0].endpoint
        if endpoint is not None:
            yield Place(_name(declared.name, at), grants[0].method, endpoint, tuple(grants))


def _above(path: str, declared: SocketPolicy) -> tuple[str, ...]:
    return tuple(
        name for name in declared.trust_directories if path.startswith(f"{name.rstrip('/')}/")
    )


def _name(name: str, at: str) -> str:
    """Return a name for files and units that is the same on every run, and no other endpoint's."""
    import hashlib

    readable = re.sub(r"[^A-Za-z0-9_.-]", "_", at.rpartition("/")[2])[:20]
    mark = hashlib.sha256(f"{name}\0{at}".encode("utf-8", "surrogateescape")).hexdigest()[:8]
    return f"{name[:30]}.{readable}-{mark}"


def _as_task(task: Task, place: Place) -> Task:
    """Return the endpoint as a declared socket, with what its unit makes of it."""
    source, endpoint = task.declared, place.endpoint
    allow = [
        Grant(grant.principal, open_parents=grant.open_parents, expires=grant.expires)
        for grant in place.grants
        # The owner gets in by the owner's bits; an entry would do nothing.
        if grant.principal != Principal("user", endpoint.owner or "")
    ]
    declared = SocketPolicy(
        place.name,
        endpoint.at,
        type=source.type,
        owner=endpoint.owner,
        group=endpoint.group,
        mode=endpoint.mode,
        allow=tuple(allow),
        refuse=source.refuse,
        trust_directories=_above(endpoint.at, source),
        unit=unit_of(place),
        strict=source.strict,
    )
    holder = f"{task.holder} at {endpoint.at}"
    return Task(declared, holder, source=source.path, served=True)
