# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""What to declare instead, where a plan cannot let a client in, as the end of a sentence."""

from __future__ import annotations

from collections.abc import Sequence

from ..methods import acl
from ..methods.identity import lost_by_proxy
from ..model.access import CONNECT
from ..model.acl import WRITE
from ..model.chain import DIRECTORY, Component
from ..model.closed import closed_by
from ..model.facts import SocketFacts
from ..model.plan import Choice
from ..policy.endpoint_keys import BIND_MOUNT, PROXY
from ..policy.types import Grant, SocketPolicy


def past(
    component: Component | None,
    grant: Grant,
    choice: Choice,
    declared: SocketPolicy,
    facts: SocketFacts,
    choices: Sequence[Choice],
) -> str:
    """Return the way past what would still refuse the client of one grant."""
    if component is None:
        return ""
    if component.kind != DIRECTORY:
        return _without_mode(choice, declared) + without_acl(declared, facts, choices)
    other = at_another_path(declared, grant)
    closed = closed_by(component.path)
    if closed is not None:
        return f" {closed} Let the client connect at another path: {other}"
    if component.path in facts.private:
        return (
            " This directory is somebody's own and stays closed to others; let the client connect at "
            f"another path: {other}"
        )
    written = facts.chain.written(component.path)
    opened = f"open_parents: [{written or component.path}] in the grant"
    if written is None:
        opened = f"path: {facts.chain.resolved}, the same without links, and {opened}"
    return (
        f" If {grant.principal} may search this directory, declare {opened}. If it shall stay "
        f"closed, let the client connect at another path: {other}"
    )


def _without_mode(choice: Choice, declared: SocketPolicy) -> str:
    """Return the way out where the declared mode stops the group that was to let a client in."""
    mode = declared.mode
    if mode is None or mode >> 3 & WRITE or choice.method != "group":
        return ""
    return (
        " The declared mode stops the group: declare a mode in which the group has w, such as "
        f'"{mode | CONNECT << 3:04o}", or leave mode out.'
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
