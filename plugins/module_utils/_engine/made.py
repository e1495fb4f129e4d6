# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Which sockets the units of this collection make: by the record, and by the steps of a run.

Most runs meet no such unit, and load nothing that reads one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .converge.record import Record
from .converge.steps import Step, order
from .keep.parts import UNITS


def endpoints_made(record: Record) -> set[str]:
    """Return the paths of all sockets that units of ours make on this host, by its record."""
    found: set[str] = set()
    for key, entry in record.entries.items():
        dummy, start, name = key.partition(f"file:{UNITS}/socket-access-")
        if start and name.endswith(".socket"):
            from .keep.service_units import endpoints_in
            from .resources.file import ManagedFile

            resource = ManagedFile(key.partition(":")[2])
            for data in entry.requests.values():
                found.update(endpoints_in(resource.request_from_json(data)))
    return found


def with_endpoints_gone(steps: Sequence[Step]) -> list[Step]:
    """Return the steps of a run as they are, given that sockets go away with the units that make them.

    Such a socket needs no other access before.  Another unit that made one at the same path, since
    the socket has got another name, loses it, for systemd removes the path (RemoveOnStop=).
    """
    removed = endpoints_removed(steps)
    if not removed:
        return list(steps)
    # Loaded where it is needed: a hook removes no endpoint.
    from .resources.unit import UnitState

    going = {f"socket:{path}" for path in removed}
    found = []
    for step in steps:
        resource = step.resource
        if resource.key in going:
            step = step._replace(target=step.current)
        elif isinstance(resource, UnitState) and resource.makes in removed:
            step = step._replace(current=resource.losing(step.current))
        found.append(step)
    return sorted(found, key=order)


def endpoints_removed(steps: Iterable[Step]) -> set[str]:
    """Return the paths of the sockets that go away, because the unit that makes them goes."""
    found: set[str] = set()
    for step in steps:
        key = step.resource.key
        if not (key.startswith("file:") and key.endswith(".socket")):
            continue
        if step.current and step.current.content is not None and step.target.content is None:
            from .keep.service_units import endpoints_in

            found.update(endpoints_in(step.current.content))
    return found
