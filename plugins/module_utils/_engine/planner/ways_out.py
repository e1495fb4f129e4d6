# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""What to declare instead, where a plan cannot let a client in, as the end of a sentence."""

from __future__ import annotations

from collections.abc import Sequence

from ..methods import acl
from ..methods.identity import lost_by_proxy
from ..model.chain import DIRECTORY, Component
from ..model.closed import closed_by
from ..model.facts import SocketFacts
from ..model.plan import Choice
from ..policy.endpoint_keys import BIND_MOUNT, PROXY
from ..policy.types import Grant, SocketPolicy


def past(
    component: Component | None,
    grant: Grant,
    declared: SocketPolicy,
    facts: SocketFacts,
    choices: Sequence[Choice],
) -> str:
    """Return the way past what would still refuse a client, None where nothing there does."""
    if component is None:
        return ""
    if component.kind != DIRECTORY:
        return without_acl(declared, facts, choices)
    other = at_another_path(declared, grant)
    closed = closed_by(component.path)
    if closed is not None:
        return f" {closed} Let the client connect at another path: {other}"
    if component.path in facts.private:
        return (
            " This directory is somebody's own and stays closed to others; let the client connect at "
            f"another path: {other}"
        )
    return (
        " If this directory may be opened for the search of this one name, declare "
        f"open_parents: [{component.path}] in the grant. If it shall stay closed, let the client "
        f"connect at another path: {other}"
    )


def at_another_path(declared: SocketPolicy, grant: Grant) -> str:
    """Return the line that lets a client go around the directories of the socket."""
    from .elsewhere import line_for

    return f"declare {line_for(BIND_MOUNT, declared, grant.principal)} in the grant."


def without_acl(declared: SocketPolicy, facts: SocketFacts, choices: Sequence[Choice]) -> str:
    """Return the way out that is left where auto has no entry and no group to give."""
    for grant, choice in zip(declared.allow, choices):
        chosen = grant.method == "auto" and choice.method == "group"
        if chosen and not acl.supported(facts):
            lost = lost_by_proxy(facts.chain.resolved) or lost_by_proxy(declared.path)
            if lost is not None:
                return f" A proxy would be no way out: {lost}."
            from .elsewhere import line_for

            line = line_for(PROXY, declared, grant.principal)
            return (
                " The file system keeps no POSIX ACLs. What needs neither an entry nor a group is a "
                f"second socket: declare {line} in the grant."
            )
    return ""
