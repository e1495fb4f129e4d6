# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""The lines of a declaration that let somebody in, or keep somebody out."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..model.acl import WRITE
from ..model.chain import SOCKET, Chain, Component
from ..model.words import Names
from ..policy import Principal
from . import values
from .declared import Relation
from .values import Cause

# What says nothing about the daemon; then its directory does.
_GENERIC = re.compile(r"(?:s|sock|socket|control|ctl|private|native|bus|api|main|server|unix)")
_END = re.compile(r"\.(?:sock|socket)$")
# A word that YAML 1.1 takes for itself, so that nothing needs quotes for another reason.
_PLAIN = re.compile(r"[A-Za-z/_][A-Za-z0-9/._@-]*|0|[1-9][0-9]*")
_RESERVED = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})


@dataclass(frozen=True)
class Proposal:
    """A declaration as it is written under ``socket_policy_sockets``, and what is to be known."""

    sockets: Mapping[str, Any]
    notes: tuple[str, ...] = ()

    @property
    def yaml(self) -> str:
        """The declaration as lines of YAML."""
        return "\n".join(["socket_policy_sockets:", *_yaml(self.sockets, "  ")])


def proposal(
    chain: Chain,
    causes: Collection[Cause],
    principal: Principal,
    known: Relation | None,
    names: Names,
    trusted: tuple[str, ...] = (),
) -> Proposal | None:
    """Return the declaration that takes the causes away, None where none can.

    ``trusted`` are directories that a run accepts only if they are declared.
    """
    leaf = chain.leaf
    if leaf is None or leaf.kind != SOCKET:
        return None
    name = _name_for(leaf.path) if known is None else known.declared.name
    path = chain.path if known is None else known.declared.policy.path
    codes = {one.code for one in causes}
    if codes == {"wrong-type"} and known is not None and known.declared.policy.type is not None:
        (change,) = next(iter(causes)).changes
        return Proposal({name: {"path": path, "type": change.value}})
    if any(one.errno != "EACCES" for one in causes) or codes & {"protected-symlink"}:
        return None
    if known is not None and known.grant is not None:
        return None
    if known is not None and known.refused:
        return None
    owner = principal.kind == "user" and names.user_name(leaf.access.uid) == principal.name
    entry: dict[str, Any] = {"path": path}
    if known is None:
        entry.update(_as_it_is(leaf, names))
    if owner:
        if codes != {"owner"}:
            return None
        entry["mode"] = _mode(leaf, 6)
    elif "search-owner" in codes:
        return None
    else:
        grant = _grant(chain, causes, principal, name, known)
        entry["allow"] = [*entry.get("allow", []), grant]
    if trusted and known is None:
        entry["trust_directories"] = list(trusted)
    notes: tuple[str, ...] = ()
    if known is None:
        notes = (
            "A declared socket is closed to everyone who is not named, so group, mode and entries "
            "are written down as they are now; leave out what you do not want any more.",
        )
    return Proposal({name: entry}, notes)


def refusal(chain: Chain, principal: Principal, known: Relation | None) -> Proposal | None:
    """Return the declaration that keeps somebody out who is let in."""
    leaf = chain.leaf
    if leaf is None or leaf.kind != SOCKET:
        return None
    name = _name_for(leaf.path) if known is None else known.declared.name
    path = chain.path if known is None else known.declared.policy.path
    who = principal.name if principal.kind == "user" else {"group": principal.name}
    return Proposal({name: {"path": path, "refuse": [who]}})


def _grant(
    chain: Chain,
    causes: Iterable[Cause],
    principal: Principal,
    name: str,
    known: Relation | None,
) -> dict[str, Any]:
    grant: dict[str, Any] = {principal.kind: principal.name}
    changes = [change for one in causes for change in one.changes]
    if any(one.action == values.OFFER_ELSEWHERE for one in changes):
        grant["method"] = "bind_mount"
        grant["at"] = f"/run/{name}-{principal.name}/{os.path.basename(chain.path)}"
        return grant
    if known is not None and known.endpoint is not None and known.endpoint.endpoint is not None:
        grant["method"] = known.endpoint.method
        grant["at"] = known.endpoint.endpoint.at
    parents = [one.path for one in causes if one.code.startswith("search-")]
    if parents:
        grant["open_parents"] = parents
    return grant


def _as_it_is(leaf: Component, names: Names) -> dict[str, Any]:
    """Return who can connect to a socket now as a declaration of it."""
    access, acl = leaf.access, leaf.access.acl
    found: dict[str, Any] = {}
    if acl.masked(acl.group_obj) & WRITE:
        found["group"] = names.group_name(access.gid)
    found["mode"] = _mode(leaf)
    allow = [{"user": names.user_name(uid)} for uid, held in acl.users if acl.masked(held) & WRITE]
    allow += [
        {"group": names.group_name(gid)} for gid, held in acl.groups if acl.masked(held) & WRITE
    ]
    # An entry without permission keeps its user out, unless the mask switches all entries off.
    refuse = [names.user_name(uid) for uid, held in acl.users if acl.mask and not held & WRITE]
    if allow:
        found["allow"] = allow
    if refuse:
        found["refuse"] = refuse
    return found


def _mode(leaf: Component, more: int = 0) -> str:
    acl = leaf.access.acl
    return f"0{acl.user_obj | more}{acl.masked(acl.group_obj)}{acl.other}"


def _name_for(path: str) -> str:
    """Return a name for a socket that has none in a declaration yet."""
    above, dummy, last = path.rpartition("/")
    stem = _END.sub("", last)
    if _GENERIC.fullmatch(stem) and os.path.basename(above) not in ("", "run"):
        stem = os.path.basename(above)
    return re.sub(r"[^A-Za-z0-9._-]", "-", stem).lstrip("._-")[:64] or "socket"


def _yaml(value: Any, indent: str) -> Iterable[str]:
    """Yield lines of YAML for dictionaries, lists and texts."""
    if isinstance(value, Mapping):
        for key, held in value.items():
            if isinstance(held, (Mapping, list)) and held:
                yield f"{indent}{key}:"
                yield from _yaml(held, indent + "  ")
            else:
                yield f"{indent}{key}: {_scalar(held)}"
        return
    for item in value:
        if isinstance(item, Mapping):
            first, *rest = _yaml(item, "")
            yield f"{indent}- {first}"
            yield from (f"{indent}  {line}" for line in rest)
        else:
            yield f"{indent}- {_scalar(item)}"


def _scalar(value: Any) -> str:
    text = str(value)
    if _PLAIN.fullmatch(text) and text.lower() not in _RESERVED:
        return text
    return json.dumps(text)
