# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""What is declared on this host about a path and a principal."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from ..errors import AccessError
from ..host.pinned import walked
from ..model.holders import declared_name, task_of
from ..model.words import capital
from ..policy import Endpoint, Grant, Principal, SocketPolicy
from .values import APPLY, DECLARE, USE_PATH, Cause, Change

# Who gets in by the task of a module is named in one of these.
_OPTIONS = {
    "socket_mode": "members",
    "socket_acl": "entries",
    "socket_proxy": "users or groups",
    "socket_bind_mount": "users or groups",
    "socket_gate": "allow_users or allow_groups",
}


class Declared(NamedTuple):
    """A socket that is declared on this host, and the name that it has there.

    ``kept`` are the names under which the host keeps what it does at endpoints, by their paths, and
    ``makers`` the units that make these.  ``untouched``: nothing is done at the socket itself.
    ``task`` is whose it is where a module was called for this one socket, so that nobody knows the name.
    """

    name: str
    policy: SocketPolicy
    kept: Mapping[str, str] = MappingProxyType({})
    makers: Mapping[str, str] = MappingProxyType({})
    untouched: bool = False
    task: str | None = None

    @property
    def said(self) -> str:
        """What lets in and refuses, as the beginning of a sentence."""
        return f"The declaration of {self.name}" if self.task is None else capital(self.task)


class Relation(NamedTuple):
    """What a declaration says about somebody and a path.

    ``grant`` lets in, at the path itself unless it has an endpoint; ``refused``: it refuses.
    ``endpoint`` tells that the path is not the socket but an endpoint of it.
    """

    declared: Declared
    grant: Grant | None
    refused: bool
    endpoint: Grant | None = None

    @property
    def at_untouched(self) -> bool:
        """Tell whether the path is a socket at which nothing is done, and so closed to nobody."""
        return self.declared.untouched and self.endpoint is None

    def maker(self, paths: Collection[str]) -> tuple[str | None, str | None]:
        """Return the unit that makes what is at the paths, and the user in whose manager it is."""
        ours = [unit for path, unit in self.declared.makers.items() if path in paths]
        policy = self.declared.policy
        return (ours[0], None) if ours else (policy.unit, policy.unit_user)


def declared_whole(
    kept: Iterable[tuple[str, str, SocketPolicy, str | None]],
) -> list[Declared]:
    """Return the sockets as they are declared, each with its endpoints, which a host keeps apart.

    ``kept`` are name, holder and policy of each file, and of an endpoint the socket that it gives on.
    """
    found: dict[str, Declared] = {}
    apart = []
    for name, holder, policy, source in kept:
        parent, of_endpoint, dummy = (declared_name(holder) or "").partition(" at ")
        if of_endpoint:
            apart.append((parent, name, policy, source or ""))
        else:
            found[name] = Declared(name, policy, task=task_of(holder))
    for parent, name, policy, source in apart:
        # Nothing is kept of a socket at which nothing is done.
        alone = SocketPolicy(parent, source, refuse=policy.refuse)
        one = found.get(parent, Declared(parent, alone, untouched=True))
        unit = str(policy.unit)
        by_proxy = unit.startswith("socket-access-proxy-")
        method = "proxy" if by_proxy else "gate"
        endpoint = Endpoint(policy.path)
        grants = [grant._replace(method=method, endpoint=endpoint) for grant in policy.allow]
        whole = one.policy._replace(allow=(*one.policy.allow, *grants))
        found[parent] = one._replace(
            policy=whole,
            kept={**one.kept, policy.path: name},
            makers={**one.makers, policy.path: unit},
        )
    return list(found.values())


def relation(
    declared: Iterable[Declared],
    paths: Collection[str],
    principal: Principal,
    groups: Collection[str],
) -> Relation | None:
    """Return what is declared about a path, which has several names, and a principal.

    ``groups`` are the names and ids of all groups that the principal is in.
    """
    for one in declared:
        ends = [grant for grant in one.policy.allow if _at(grant) in paths]
        if one.policy.path not in paths and not ends:
            continue
        mine = [grant for grant in one.policy.allow if _is_for(grant.principal, principal, groups)]
        mine.sort(key=lambda grant: (_at(grant) or one.policy.path) not in paths)
        refused = any(_is_for(who, principal, groups) for who in one.policy.refuse)
        return Relation(one, mine[0] if mine else None, refused, ends[0] if ends else None)
    return None


def _at(grant: Grant) -> str | None:
    return None if grant.endpoint is None else grant.endpoint.at


def _is_for(one: Principal, principal: Principal, groups: Collection[str]) -> bool:
    return one == principal or (one.kind == "group" and one.name in groups)


def missing_source(known: Relation, paths: Collection[str]) -> str | None:
    """Return the socket that is to be mounted at one of the paths, where it is not there."""
    at = None if known.endpoint is None else _at(known.endpoint)
    # What proxies and gates make is kept under names of its own.
    mounted = at is not None and at not in known.declared.kept
    source = known.declared.policy.path
    return source if mounted and source not in paths and not _is_there(source) else None


def _is_there(path: str) -> bool:
    """Tell whether a path leads to something, or to where nobody can look."""
    try:
        return walked(path).leaf is not None
    except (AccessError, OSError):
        return True


def notes(known: Relation, paths: Collection[str], causes: Sequence[Cause]) -> list[str]:
    """Return what is to be known of a declared path beside what would help."""
    path, missing = next(iter(paths)), missing_source(known, paths)
    if missing is not None:
        return [f"{missing} does not exist, so nothing is mounted at {path}."]
    by_hand = known.grant is None and not known.refused and causes[0].errno == "EACCES"
    if not by_hand or known.at_untouched:
        return []
    name = next((kept for at, kept in known.declared.kept.items() if at in paths), None)
    said = f"{known.declared.name} is declared on this host"
    way_out = ""
    if known.declared.task is not None:
        option = _OPTIONS.get(known.declared.task.split()[2], "the options")
        said = f"{capital(known.declared.task)} keeps this socket as it is"
        way_out = f" Whoever shall get in belongs into {option} of that task."
    return [
        f"{said}, so what is changed at {path} by hand is taken back at once, unless "
        f"socket-access-{name or known.declared.name}.path is stopped.{way_out}"
    ]


def by_declaration(
    causes: list[Cause], known: Relation, paths: Collection[str], principal: Principal
) -> list[Cause]:
    """Put what the declaration asks for in the place of changes to single inodes.

    ``paths`` are the names of the path that is asked about, the first one as it was asked.
    """
    if causes[0].errno != "EACCES":
        return causes
    change = _change(known, paths, principal)
    if change is None:
        return causes
    first, *rest = causes
    kept = [one if one.errno != "EACCES" else one._replace(changes=()) for one in rest]
    return [first._replace(changes=(change,)), *kept]


def _change(known: Relation, paths: Collection[str], principal: Principal) -> Change | None:
    name, path = known.declared.name, next(iter(paths))
    if known.refused:
        text = (
            f"{known.declared.said} refuses {principal}; take it out of "
            f"{'refuse' if known.declared.task is None else 'entries'} there if it shall get in."
        )
        return Change(DECLARE, text, path, name)
    if known.grant is None:
        return None
    at = _at(known.grant) or known.declared.policy.path
    if at not in paths:
        text = f"{known.declared.said} lets {principal} in at {at}: connect there."
        return Change(USE_PATH, text, path, at)
    name = next((kept for end, kept in known.declared.kept.items() if end in paths), name)
    text = (
        f"{known.declared.said} lets {principal} in, and the host is not as it says: "
        f"socket-access apply {name}."
    )
    return Change(APPLY, text, path, name, (("socket-access", "apply", name),))
