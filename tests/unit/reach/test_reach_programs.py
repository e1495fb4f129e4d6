# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who could replace a program of root's, on the way to it and in its own place."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.chain import (
    OTHER,
    Chain,
    Component,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.reach.programs import (
    replaced_by_groups,
    replaced_by_others,
)
from unit.reach.chains import ALICE, APP, BOB, ROOT, People, acl, chain, inode, link

PROGRAM = "/usr/local/sbin/socket-access"
LOCAL, SBIN = inode("/usr/local", 0o755), inode("/usr/local/sbin", 0o755)


def way(*components: Component) -> Chain:
    return chain(PROGRAM, inode("/usr", 0o755), *components)


def refused(*components: Component) -> list[str]:
    return replaced_by_others(way(*components), PROGRAM, People())


def warned(members: Mapping[int, Collection[str]], *components: Component) -> list[str]:
    return replaced_by_groups(way(*components), PROGRAM, members, People())


def test_a_place_of_roots() -> None:
    file = inode(PROGRAM, 0o755, kind=OTHER)
    closed = inode("/usr/local", acl(0o755, {ALICE: 7}, {APP: 7}, mask=5))
    for local in (LOCAL, inode("/usr/local", 0o2775), link("/usr/local", "var"), closed):
        assert refused(local, SBIN, file) == []
        assert warned({APP: ["bob"]}, local, SBIN, file) == []


@pytest.mark.parametrize(
    ("component", "start", "way_out"),
    [
        (
            inode("/usr/local", 0o755, ALICE, ROOT),
            "The directory /usr/local belongs to alice, who could replace the program",
            "Give it to root: chown root /usr/local, and run again.",
        ),
        (
            link("/usr/local", "/home/bob", BOB),
            "The symbolic link /usr/local belongs to bob, who could replace the program",
            "Give it to root: chown -h root /usr/local, and run again.",
        ),
        (
            inode("/usr/local/a b", 0o1777),
            "Everyone may write to the directory /usr/local/a b, and so could replace the program",
            "Take that away: chmod o-w '/usr/local/a b', and run again.",
        ),
        (
            inode("/usr/local", acl(0o755, {BOB: 7}, mask=7)),
            "Bob may write to the directory /usr/local, and so could replace the program",
            "Take that away: setfacl -x u:bob /usr/local, and run again.",
        ),
        (
            inode(PROGRAM, 0o755, APP, ROOT, kind=OTHER),
            f"The file {PROGRAM} belongs to app, who could replace the program",
            f"Give it to root: chown root {PROGRAM}, and run again.",
        ),
    ],
)
def test_what_is_not_root_s_alone_is_refused(
    component: Component, start: str, way_out: str
) -> None:
    assert refused(component) == [
        f"{start} {PROGRAM}, which the hooks of this host run as root. {way_out}"
    ]


def test_a_group_with_members_is_told() -> None:
    local = inode("/usr/local", 0o2775, ROOT, APP)
    assert refused(local, SBIN) == []
    assert warned({APP: ["bob", "alice"]}, local, SBIN) == [
        "The members of group app (alice and bob) may write to the directory /usr/local, and so "
        f"could replace the program {PROGRAM}, which the hooks of this host run as root: they are "
        "as good as root. If they shall not be, take that permission away: chmod g-w /usr/local."
    ]


def test_a_group_in_which_nobody_is_is_none() -> None:
    local = inode("/usr/local", 0o2775, ROOT, APP)
    assert warned({APP: []}, local, SBIN) == []
    assert warned({}, inode("/usr/local", 0o2775)) == []


def test_a_group_of_a_list_is_told_with_what_takes_its_entry_away() -> None:
    local = inode("/usr/local", acl(0o775, groups={APP: 7}, mask=7), ROOT, BOB)
    many = [f"u{number}" for number in range(7)]
    one, other = warned({APP: many, BOB: ["bob"]}, local)
    assert one.endswith("away: setfacl -m g::r-x /usr/local.")
    assert other.endswith("away: setfacl -x g:app /usr/local.")
    assert "(u0, u1, u2, u3, u4 and 2 more)" in other
