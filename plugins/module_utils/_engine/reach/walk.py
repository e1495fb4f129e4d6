# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Whether a process can connect to a path, and which component decides it.

Source: Linux ``net/unix/af_unix.c`` (``unix_find_bsd``): search on every directory, links followed,
then write permission on the inode, and only after that whether it is a socket at all.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from ..model.account import Credentials
from ..model.acl import EXECUTE, WRITE
from ..model.chain import SOCKET, STICKY, Chain, Component
from ..model.words import Names
from .names import NUMBERS
from .permission import Ruling, decide
from .steps import FOLLOW, LEAF, MISSING, NOT_A_DIRECTORY, SEARCH, TOO_MANY_LINKS, Step, steps
from .words import of_failure, of_ruling

if TYPE_CHECKING:  # pragma: no cover
    from .remedies import Remedy

CONNECT_PERMISSION, SEARCH_PERMISSION, FOLLOW_PERMISSION = "connect", "search", "follow"
PROTECTED_SYMLINK, NOT_A_SOCKET = "protected-symlink", "not-a-socket"

_ERRNO = {
    PROTECTED_SYMLINK: "EACCES",
    MISSING: "ENOENT",
    NOT_A_DIRECTORY: "ENOTDIR",
    TOO_MANY_LINKS: "ELOOP",
    NOT_A_SOCKET: "ECONNREFUSED",
}


class Finding(NamedTuple):
    """What the kernel decides at one step of the walk, and the error that it gives if it refuses.

    ``ruling`` is there where permissions decide, ``rule`` is a stable identifier.
    """

    component: Component
    permission: str
    rule: str
    errno: str | None
    path: str
    ruling: Ruling | None = None

    @property
    def allowed(self) -> bool:
        return self.errno is None


class Verdict(NamedTuple):
    """The answer, the component and the rule that decide it, and what would help.

    ``rule`` is one of root, owner, named-user, group, named-group, mask, other, acl-off, the same
    after ``search-`` for a directory on the way, or protected-symlink, missing, not-a-directory,
    too-many-links, not-a-socket.  ``permission`` is connect, search or follow.  ``errno`` is the
    name of the error of connect(2).  Whether a daemon listens is not part of the answer.
    ``remedies``, all of them together, would let the process in; there are none if it is let in.
    """

    allowed: bool
    component: Component
    permission: str
    rule: str
    errno: str | None
    text: str
    remedies: tuple[Remedy, ...] = ()


class Refusal(NamedTuple):
    """A finding that refuses, in words, and what would help; None where nothing of its own does."""

    finding: Finding
    text: str
    remedy: Remedy | None


def judge(chain: Chain, who: Credentials, names: Names = NUMBERS) -> Verdict:
    """Decide as connect(2) would for a process with these credentials."""
    found = findings(chain, who)
    deciding = next((one for one in found if not one.allowed), found[-1])
    return Verdict(
        deciding.allowed,
        deciding.component,
        deciding.permission,
        deciding.rule,
        deciding.errno,
        in_words(deciding, chain, who, names),
        tuple(one.remedy for one in _refusals(found, chain, who, names) if one.remedy is not None),
    )


def refusals(
    chain: Chain,
    who: Credentials,
    names: Names = NUMBERS,
    *,
    as_group: bool = False,
    not_to_join: Collection[int] = (),
) -> list[Refusal]:
    """Return all that refuses, in the kernel's order; the first one is what connect(2) meets.

    ``as_group``: ``who`` stands for whoever is in its group.  Membership in a group of
    ``not_to_join`` is not advised.
    """
    return _refusals(findings(chain, who), chain, who, names, as_group, not_to_join)


def _refusals(
    found: tuple[Finding, ...],
    chain: Chain,
    who: Credentials,
    names: Names,
    as_group: bool = False,
    not_to_join: Collection[int] = (),
) -> list[Refusal]:
    refused = [one for one in found if not one.allowed]
    if not refused:
        return []
    from .remedies import remedy_for_permission, remedy_in_words

    result = []
    for one in refused:
        text = in_words(one, chain, who, names)
        connect = one.permission == CONNECT_PERMISSION
        remedy: Remedy | None = None
        if one.ruling is None:
            remedy = remedy_in_words(one.rule, one.component, one.path, chain)
        elif not connect or one.component.kind == SOCKET:
            joining = partial(_joining_helps, found, one, chain, who, not_to_join)
            remedy = remedy_for_permission(
                one.component, one.ruling, connect, who, names, joining, as_group
            )
        result.append(Refusal(one, text, remedy))
    return result


def findings(chain: Chain, who: Credentials) -> tuple[Finding, ...]:
    """Return what the kernel would decide at each step, past the first refusal, too."""
    found: list[Finding] = []
    for step in steps(chain):
        found += _at(step, chain, who)
    return tuple(found)


def in_words(finding: Finding, chain: Chain, who: Credentials, names: Names) -> str:
    """Return one sentence about a finding, with its rule."""
    if finding.ruling is None:
        return of_failure(finding.rule, finding.component, finding.path, chain.path, who, names)
    connect = finding.permission == CONNECT_PERMISSION
    return of_ruling(finding.component, finding.ruling, connect, who, names)


def _at(step: Step, chain: Chain, who: Credentials) -> list[Finding]:
    component = step.component
    if step.kind == SEARCH and component is not None:
        return [_by_permission(component, who, EXECUTE, SEARCH_PERMISSION, "search-")]
    if step.kind == FOLLOW and component is not None:
        if _may_follow(step, chain, who):
            return []
        return [_failure(component, FOLLOW_PERMISSION, PROTECTED_SYMLINK, step.path)]
    if step.kind == LEAF and component is not None:
        first = _by_permission(component, who, WRITE, CONNECT_PERMISSION, "")
        if component.kind == SOCKET:
            return [first]
        return [first, _failure(component, CONNECT_PERMISSION, NOT_A_SOCKET, step.path)]
    failed = component or step.directory
    if step.kind in (MISSING, NOT_A_DIRECTORY, TOO_MANY_LINKS) and failed is not None:
        return [_failure(failed, SEARCH_PERMISSION, step.kind, step.path)]
    return []


def _by_permission(
    component: Component, who: Credentials, want: int, permission: str, prefix: str
) -> Finding:
    ruling = decide(component.access, who, want)
    errno = None if ruling.allowed else "EACCES"
    return Finding(component, permission, prefix + ruling.rule, errno, component.path, ruling)


def _failure(component: Component, permission: str, rule: str, path: str) -> Finding:
    return Finding(component, permission, rule, _ERRNO[rule], path)


def _may_follow(step: Step, chain: Chain, who: Credentials) -> bool:
    """Decide as ``may_follow_link`` in fs/namei.c, which asks for trailing links only.

    No capability overrides it, so it holds for root as well (proc_sys_fs(5)).
    """
    link, directory = step.component, step.directory
    if not (chain.protected_symlinks and step.last) or link is None or directory is None:
        return True
    crowded = directory.special & STICKY and directory.access.acl.other & WRITE
    return not crowded or link.access.uid in (who.uid, directory.access.uid)


def _joining_helps(
    found: tuple[Finding, ...],
    refusal: Finding,
    chain: Chain,
    who: Credentials,
    not_to_join: Collection[int],
    gid: int,
) -> bool:
    """Tell whether the refusal would be gone for a member of the group, and no other one come."""
    if gid in not_to_join:
        return False
    member = who._replace(groups=who.groups | {gid})
    after = findings(chain, member)
    return all(new.allowed for old, new in zip(found, after) if old.allowed or old is refusal)
