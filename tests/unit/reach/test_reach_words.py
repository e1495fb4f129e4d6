# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each rule in its own whole sentence."""

from __future__ import annotations

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.account import (
    Credentials,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.acl import Acl
from ansible_collections.unixsocket.access.plugins.module_utils._engine.reach import judge
from unit.reach.chains import ALICE, APP, BOB, People, acl, chain, socket_at

IN_APP = Credentials(ALICE, ALICE, frozenset({APP}))
BY_RULE = {
    "owner": (
        acl(0o060),
        Credentials(BOB, BOB),
        "bob may not connect to the socket /s, because bob is the owner, and the owner's "
        "permission (---) lacks w (write), which connecting needs, and for the owner no other "
        "entry counts.",
    ),
    "named-user": (
        acl(0o660, {ALICE: 4}, mask=6),
        IN_APP,
        "alice may not connect to the socket /s, because the entry for alice (r--) lacks w "
        "(write), which connecting needs, and for a named user no group counts.",
    ),
    "group": (
        acl(0o646),
        IN_APP,
        "alice may not connect to the socket /s, because the process is in group app, whose "
        "permission (r--) lacks w (write), which connecting needs, no other group of the process "
        "grants it, and what others may does not count for a member.",
    ),
    "mask": (
        acl(0o660, {BOB: 6}, mask=4),
        IN_APP,
        "alice may not connect to the socket /s, because the entry for group app (rw-) has w "
        "(write), but the mask (r--) takes it away.",
    ),
    "other": (
        acl(0o660),
        Credentials(12345, 12345),
        "uid 12345 may not connect to the socket /s, because no entry matches uid 12345 or a group "
        "of the process, and the permission of others (---) lacks w (write), which connecting "
        "needs.",
    ),
    "acl-off": (
        acl(0o666, {ALICE: 6}, mask=0),
        IN_APP,
        "alice may not connect to the socket /s, because the mask is empty, which switches the "
        "whole ACL off, its entry for alice (rw-) included, and leaves group app nothing.",
    ),
    "root": (
        acl(0o000),
        Credentials(0, 0),
        "root may connect to the socket /s, because root passes every permission check.",
    ),
}


@pytest.mark.parametrize("rule", BY_RULE)
def test_sentence(rule: str) -> None:
    held, who, sentence = BY_RULE[rule]
    assert isinstance(held, Acl)
    verdict = judge(chain("/s", socket_at("/s", held, BOB, APP)), who, People())
    assert (verdict.rule, verdict.text) == (rule, sentence)


def test_numbers_where_no_names_are_given() -> None:
    verdict = judge(chain("/s", socket_at("/s", 0o606, BOB, APP)), IN_APP)
    assert verdict.text.startswith("uid 20 may not connect")
    assert "the process is in group 10, whose permission (---)" in verdict.text
