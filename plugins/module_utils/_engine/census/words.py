# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""One socket of a census in whole sentences, for a person at a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from ..model.words import Names, capital, listed
from ..reach.words import state
from .values import Finding, Process, Seen


def in_words(seen: Seen, names: Names) -> Iterator[str]:
    """Yield what the socket is, who made it and serves it, and who is connected right now."""
    leaf = None if seen.chain is None else seen.chain.leaf
    kind = "nobody listens there" if seen.listener is None else seen.listener.type
    access = "" if leaf is None else f"; {state(leaf, names)}"
    yield f"{seen.name}: {kind}{access}."
    if seen.place.note is not None:
        yield seen.place.note
    if seen.mounted_at:
        yield f"It is also mounted at {listed(list(seen.mounted_at))}."
    if seen.creator is not None:
        manager = "" if seen.creator.user is None else f" of user {seen.creator.user}"
        yield f"It belongs to the unit {seen.creator.unit}{manager}."
    if seen.processes:
        yield f"It is held by {listed([_called(one) for one in seen.processes])}."
    if seen.connected:
        yield f"Connected right now: {listed([_with_count(one) for one in seen.connected])}."
    elif seen.connections:
        yield f"It has connections to processes that cannot be seen: {seen.connections}."
    elif seen.listener is not None:
        yield "Nobody is connected right now."
    for one in seen.managed:
        changes = f" ({' '.join(one.changes)})" if one.changes else ""
        yield f"It is managed by {one.called}: {one.state}.{changes}"


def finding_in_words(one: Finding) -> str:
    """Return a finding in one line."""
    return f"{capital(one.severity)}: {one.message} {one.remedy}"


def _called(one: Process) -> str:
    unit = one.unit or "no unit"
    if one.unit_user is not None:
        unit = f"{unit} of user {one.unit_user}"
    return f"{one.exe or one.name} (pid {one.pid}, user {one.user}, {unit})"


def _with_count(one: Process) -> str:
    times = "" if one.connections == 1 else f" {one.connections} times"
    return f"{_called(one)}{times}"
