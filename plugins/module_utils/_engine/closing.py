# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""The sockets that a run may close: those that are declared, and those that it gives back."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

from .converge.steps import Step
from .host.pinned import Pin
from .made import endpoints_removed
from .model.chain import Chain
from .model.holders import holder_of
from .policy.types import Grant, Principal
from .report import Seen
from .resources.inode_access import SocketAccess

# What closes it: a declaration of many sockets, the task of a module for one, the end of either.
POLICY, TASK, END = "policy", "task", "end"


class Closing(NamedTuple):
    """One socket, and what its declaration says of its clients.

    ``mounted``: it can be reached past its directories.  ``joining`` are the memberships that the
    run makes, ``elsewhere`` the grants at other paths, ``meant`` those whom it is meant to refuse.
    """

    path: str
    chain: Chain
    by: str
    mounted: bool
    joining: Sequence[tuple[str, str]] = ()
    elsewhere: Sequence[Grant] = ()
    meant: Sequence[Principal] = ()


def declared(seen: Iterable[Seen], moving: Collection[Grant]) -> Iterator[Closing]:
    """Yield what is declared; ``moving`` are grants whose endpoint another method makes now."""
    for one in seen:
        task, path = one.parts.task, one.task.declared.path
        yield Closing(
            path,
            one.one.facts.chain,
            POLICY if task.holder == holder_of(task.declared.name) else TASK,
            bool(one.parts.mounts),
            one.plan.memberships,
            [
                grant
                for grant in task.declared.allow
                if grant.endpoint and grant.endpoint.at != path
            ],
            [*one.task.declared.refuse, *(grant.principal for grant in moving)],
        )


def undone(seen: Iterable[Seen], steps: Sequence[Step], pins: Iterable[Pin]) -> Iterator[Closing]:
    """Yield what earlier runs set and this one gives back; ``pins`` hold it, with all else.

    A socket that goes away with our unit is not among them: its connections end as well.
    """
    left_out = {one.one.facts.chain.resolved for one in seen} | endpoints_removed(steps)
    sockets = {one.resource.path for one in steps if isinstance(one.resource, SocketAccess)}
    paths = sockets - left_out
    mounted = set(_mounted(steps)) if paths else ()
    for pin in pins:
        path = pin.chain.resolved
        if path in paths:
            paths.remove(path)
            yield Closing(path, pin.chain, END, path in mounted)


def is_narrowed(chain: Chain, narrowed: Collection[str]) -> bool:
    """Tell whether somebody may lose the way to the end of a chain, by the paths that narrow."""
    return chain.leaf is not None and any(part.path in narrowed for part in chain.components)


def _mounted(steps: Iterable[Step]) -> Iterator[str]:
    found = [one.resource for one in steps if one.resource.key.startswith("mount:")]
    if found:
        from .resources.bind_mount import BindMount

        yield from (one.source for one in found if isinstance(one, BindMount))
