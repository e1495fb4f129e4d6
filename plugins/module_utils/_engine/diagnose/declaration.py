# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""The lines of a declaration that let somebody in, or keep somebody out."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ..model.account import Credentials
from ..model.acl import WRITE
from ..model.chain import SOCKET, Chain, Component
from ..model.holders import name_for
from ..model.words import Names
from ..policy import Principal
from ..reach.walk import CONNECT_PERMISSION, findings
from . import values
from .declared import Relation
from .values import Cause, Change

# What says nothing about the daemon; then its directory does.
# A word that YAML 1.1 takes for itself, so that nothing needs quotes for another reason.
_PLAIN = re.compile(r"[A-Za-z/_][A-Za-z0-9/._@-]*")
_TEMPLATE = re.compile(r"\{[{%#]")
_RESERVED = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})

_SHARED = (
    "Grants at one endpoint must say the same of it: repeat the keys that the others have there, "
    "such as run_as."
)
_WITHOUT_LINKS = (
    "The declared path of {name} leads through a link, and a directory that the link passes can only "
    "be named in the path without links: declare path: {path} there, too."
)
_CLOSED = (
    "A declared socket is closed to everyone who is not named, so group, mode and entries are written "
    "down as they are now, without what all others may do; leave out what you do not want any more."
)
_OPEN = (
    "Group, mode and entries are written down as they are now, so all others go on getting in by the "
    "last digit of the mode; leave out what you do not want any more."
)


class Proposal(NamedTuple):
    """A declaration as it is written under ``socket_policy_sockets``, and what is to be known."""

    sockets: Mapping[str, Any]
    notes: tuple[str, ...] = ()

    @property
    def yaml(self) -> str:
        """The declaration as lines of YAML."""
        return "\n".join(["socket_policy_sockets:", *_yaml(self.sockets, "  ")])


def proposal(
    chain: Chain,
    causes: Sequence[Cause],
    principal: Principal,
    known: Relation | None,
    names: Names,
    stranger: Credentials,
    trusted: tuple[str, ...] = (),
) -> Proposal | None:
    """Return the declaration that takes the causes away, None where none can.

    Where a task of a module keeps the socket, a declaration beside it would only contradict it.
    ``stranger`` is nobody of this host, ``trusted`` are directories that a run accepts only if
    they are declared.
    """
    leaf = chain.leaf
    if leaf is None or leaf.kind != SOCKET or (known is not None and known.declared.task):
        return None
    codes = {one.code for one in causes}
    if codes == {"wrong-type"} and known is not None and known.declared.policy.type is not None:
        (change,) = causes[0].changes
        return _proposed(leaf, known, {"type": change.value}, ())
    if any(one.errno != "EACCES" for one in causes) or "protected-symlink" in codes:
        return None
    if known is not None and (known.grant is not None or known.refused):
        return None
    open_to_all = _is_open(chain, stranger)
    as_it_is = known is None or known.at_untouched
    more = _as_it_is(leaf, principal, open_to_all, names) if as_it_is else {}
    if principal.kind == "user" and names.user_name(leaf.access.uid) == principal.name:
        # The owner gets in by the owner's bits alone, and by no grant.
        if codes != {"owner"}:
            return None
        more["mode"] = _mode(leaf, open_to_all, owner=6)
        return _proposed(leaf, known, more, trusted)
    if "search-owner" in codes:
        return None
    grant = _grant(chain, causes, principal, _name(leaf, known), known)
    if "method" not in grant and any(one.action == values.GROUP_MODE for one in _changes(causes)):
        if len(causes) > 1 or causes[0].code.startswith("search-"):
            return None
        more["group"] = names.group_name(leaf.access.gid)
        more["mode"] = _mode(leaf, open_to_all, group=6)
        grant["method"] = "group"
    elif "method" not in grant and open_to_all and leaf.access.acl.other & WRITE:
        # All others get in and this one does not, so only an entry of its own helps.
        grant["method"] = "acl"
    more["allow"] = [*more.get("allow", []), grant]
    return _proposed(leaf, known, more, trusted)


def refusal(
    chain: Chain,
    principal: Principal,
    known: Relation | None,
    names: Names,
    stranger: Credentials,
    trusted: tuple[str, ...] = (),
) -> Proposal | None:
    """Return the declaration that keeps out who is let in to a socket; None where there is none."""
    leaf = chain.leaf
    if leaf is None:
        return None
    if known is not None and (known.grant is not None or known.declared.task):
        return None
    if principal.kind == "user" and names.user_name(leaf.access.uid) == principal.name:
        return None
    open_to_all = _is_open(chain, stranger)
    as_it_is = known is None or known.at_untouched
    more = _as_it_is(leaf, principal, open_to_all, names) if as_it_is else {}
    more["refuse"] = [*more.get("refuse", []), _out(principal)]
    return _proposed(leaf, known, more, trusted)


def _proposed(
    leaf: Component,
    known: Relation | None,
    more: Mapping[str, Any],
    trusted: tuple[str, ...],
) -> Proposal:
    if known is not None and not known.at_untouched:
        entry = {"path": known.declared.policy.path, **more}
        notes = () if known.endpoint is None else (_SHARED,)
        if known.endpoint is None and _needs_no_links(entry):
            entry["path"] = leaf.path
            notes = (_WITHOUT_LINKS.format(name=known.declared.name, path=leaf.path),)
        return Proposal({known.declared.name: entry}, notes)
    entry = {"path": leaf.path, **more}
    if trusted:
        entry["trust_directories"] = list(trusted)
    note = _OPEN if int(entry["mode"], 8) & WRITE else _CLOSED
    return Proposal({_name(leaf, known): entry}, (note,))


def _grant(
    chain: Chain,
    causes: Sequence[Cause],
    principal: Principal,
    name: str,
    known: Relation | None,
) -> dict[str, Any]:
    grant: dict[str, Any] = {principal.kind: principal.name}
    if any(one.action == values.OFFER_ELSEWHERE for one in _changes(causes)):
        grant["method"] = "bind_mount"
        grant["at"] = f"/run/{name}-{principal.name}/{os.path.basename(chain.path)}"
        return grant
    if known is not None and known.endpoint is not None and known.endpoint.endpoint is not None:
        grant["method"] = known.endpoint.method
        grant["at"] = known.endpoint.endpoint.at
    parents = [one.path for one in causes if one.code.startswith("search-")]
    # A mount opens the directory of its endpoint by itself.
    if parents and grant.get("method") != "bind_mount":
        grant["open_parents"] = [_written(path, chain, known) for path in parents]
    return grant


def _written(path: str, chain: Chain, known: Relation | None) -> str:
    """Return a directory as the path that is to be declared has it."""
    return path if known is None or known.at_untouched else chain.written(path) or path


def _needs_no_links(entry: Mapping[str, Any]) -> bool:
    """Tell whether a directory is to be opened that the declared path does not have in it."""
    above = f"{os.path.dirname(entry['path'])}/"
    opened = (name for one in entry.get("allow", ()) for name in one.get("open_parents", ()))
    return not all(above.startswith(f"{name.rstrip('/')}/") for name in opened)


def _changes(causes: Iterable[Cause]) -> list[Change]:
    return [change for one in causes for change in one.changes]


def _is_open(chain: Chain, stranger: Credentials) -> bool:
    """Tell whether everyone gets to the socket itself, whatever it says then."""
    found = findings(chain, stranger)
    return all(one.allowed or one.permission == CONNECT_PERMISSION for one in found)


def _as_it_is(
    leaf: Component, principal: Principal, open_to_all: bool, names: Names
) -> dict[str, Any]:
    """Return who can connect to a socket now as a declaration of it, but for the principal."""
    access, acl = leaf.access, leaf.access.acl
    found: dict[str, Any] = {}
    if acl.masked(acl.group_obj) & WRITE:
        found["group"] = names.group_name(access.gid)
    found["mode"] = _mode(leaf, open_to_all)
    listed = [
        *(("user", names.user_name(uid), acl.masked(held)) for uid, held in acl.users),
        *(("group", names.group_name(gid), acl.masked(held)) for gid, held in acl.groups),
    ]
    allow = [Principal(kind, name) for kind, name, held in listed if held & WRITE]
    # An entry without permission keeps its user out, unless the mask switches all entries off.  A group
    # has other ways in, so what counts is whether its members would come in with all others.
    others = open_to_all and acl.other & WRITE
    refuse = [
        Principal(kind, name)
        for kind, name, held in listed
        if acl.mask and not held & WRITE and (others or kind == "user")
    ]
    kept = [{one.kind: one.name} for one in allow if one != principal]
    kept_out = [_out(one) for one in refuse if one != principal]
    if kept:
        found["allow"] = kept
    if kept_out:
        found["refuse"] = kept_out
    return found


def _out(who: Principal) -> str | dict[str, str]:
    return who.name if who.kind == "user" else {"group": who.name}


def _mode(leaf: Component, open_to_all: bool, *, owner: int = 0, group: int = 0) -> str:
    """Return the mode that says who gets in now, with what is added for the owner or the group.

    What others may counts only where they get to the socket at all.
    """
    acl = leaf.access.acl
    others = acl.other if open_to_all else 0
    return f"0{acl.user_obj | owner}{acl.masked(acl.group_obj) | group}{others}"


def _name(leaf: Component, known: Relation | None) -> str:
    return name_for(leaf.path) if known is None else known.declared.name


def _yaml(value: Any, indent: str) -> Iterable[str]:
    """Yield lines of YAML for dictionaries, lists and texts."""
    if isinstance(value, Mapping):
        for key, held in value.items():
            if isinstance(held, (Mapping, list)) and held:
                yield f"{indent}{_scalar(key)}:"
                yield from _yaml(held, indent + "  ")
            else:
                yield f"{indent}{_scalar(key)}: {_scalar(held)}"
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
    # Names on a host are anybody's, and Ansible would run on the controller what is in one of them
    # (Ansible's "Unsafe or raw strings").
    unsafe = "!unsafe " if _TEMPLATE.search(text) else ""
    return unsafe + json.dumps(text)
