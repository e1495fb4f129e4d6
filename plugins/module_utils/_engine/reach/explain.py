# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""The walk in words: every component, and what it says."""

from __future__ import annotations

from ..model.account import Credentials
from ..model.chain import SYMLINK, Chain, Component
from ..model.words import Names, one_line
from .permission import (
    ACL_OFF,
    CAPABILITY,
    GROUP,
    NAMED_GROUP,
    NAMED_USER,
    OTHERS,
    OWNER,
    ROOT_RULE,
)
from .walk import Finding, in_words
from .words import state


def line(finding: Finding, chain: Chain, who: Credentials, names: Names) -> str:
    """Return what the kernel decides at one step, with what the inode is like."""
    text = in_words(finding, chain, who, names)
    if finding.ruling is None:
        return f"{finding.path}: {text}"
    return f"{finding.component.path} ({_what(finding.component, names)}): {text}"


def briefly(finding: Finding, names: Names) -> str:
    """Return an inode that does not refuse, and by which rule, in a few words."""
    ruling = finding.ruling
    rule = "" if ruling is None else f": by {_RULES[ruling.rule]}"
    return f"{finding.component.path} ({_what(finding.component, names)}){rule}"


_RULES = {
    ROOT_RULE: "root's right to everything",
    CAPABILITY: "a capability of the process",
    OWNER: "the bits of the owner",
    NAMED_USER: "the entry for this user",
    GROUP: "the bits of the group",
    NAMED_GROUP: "the entry for a group of the process",
    OTHERS: "the bits of all others",
    ACL_OFF: "the bits of all others, for an empty mask switches the ACL off",
}


def _what(component: Component, names: Names) -> str:
    if component.kind == SYMLINK:
        return f"symbolic link to {one_line(str(component.target))}"
    return f"{component.kind}, {state(component, names)}"
