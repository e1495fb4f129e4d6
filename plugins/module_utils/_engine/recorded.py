# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""The inodes of a record: what earlier runs changed, looked at again with the same care."""

from __future__ import annotations

from collections.abc import Collection

from .converge.record import Record
from .converge.steps import without_holders
from .errors import AccessError
from .faults import in_words
from .host.pinned import Pin, pin
from .model.access import Access, AccessRequest, wanted_socket
from .model.chain import DIRECTORY, SOCKET, Chain
from .model.words import Names
from .reach import unfit_leaf
from .resources.inode_access import DirectoryAccess, InodeAccess, SocketAccess
from .survey import Survey, Surveyed


def recorded_inode(
    key: str, record: Record, names: Names, survey: Survey, pins: list[Pin]
) -> InodeAccess:
    """Make the resource of a recorded inode, for what is undone.

    ``pins`` are those of the run, to which a new one is added.  What would not be safe to undo is a
    problem of the survey.  Raises AccessError for a path that cannot be looked up.
    """
    kind, dummy, path = key.partition(":")
    made = SocketAccess if kind == "socket" else DirectoryAccess
    for one in pins:
        if one.descriptor(path) is not None:
            return made(path, one.descriptor(path), names)
    try:
        held = pin(path)
    except (AccessError, OSError) as error:
        raise AccessError(f"{path} cannot be looked at: {in_words(error)}") from error
    pins.append(held)
    leaf = held.chain.leaf
    if leaf is None or leaf.kind != (SOCKET if made is SocketAccess else DIRECTORY):
        # What was changed is gone, and with it all that there was to undo.
        return made(path, None, names)
    resource = made(path, held.descriptor(leaf.path), names)
    requests = map(resource.request_from_json, record.entries[key].requests.values())
    trusted = {name for request in requests for name in request.trusted}
    problem = survey.unsafe(held.chain, trusted)
    if made is SocketAccess:
        problem = problem or unfit_leaf(held.chain)
    if problem:
        survey.problems.append(problem)
    return resource


def chain_without_us(
    one: Surveyed, record: Record, holders: Collection[str], names: Names
) -> Chain:
    """Return the chain as it would be had these holders never asked for anything."""
    planned = {}
    for component in one.facts.chain.components:
        for kind in (SocketAccess, DirectoryAccess):
            resource = kind(component.path, one.pin.descriptor(component.path), names)
            if resource.key in record.entries:
                access = without_holders(resource, record, holders)
                if access is not None:
                    planned[component.path] = access
    return one.facts.chain.with_access(planned)


def planned_access(
    one: Surveyed, request: AccessRequest, record: Record, holders: Collection[str], names: Names
) -> Access | None:
    """Return the access that the socket shall have; while it is away, what it had last."""
    if one.facts.chain.leaf is not None:
        leaf = chain_without_us(one, record, holders, names).leaf
        return None if leaf is None else wanted_socket(leaf.access, request)
    resource = SocketAccess(one.facts.chain.resolved, None, names)
    entry = record.entries.get(resource.key)
    return None if entry is None else resource.state_from_json(entry.applied)
