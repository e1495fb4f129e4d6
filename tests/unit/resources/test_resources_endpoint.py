# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a directory of an endpoint shall be, who may write to it, and in which order it changes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.unixsocket.access.plugins.module_utils._engine.errors import AccessError
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.access import (
    Access,
    AccessRequest,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.acl import Acl
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.chain import (
    DIRECTORY,
    OTHER,
    SYMLINK,
    Chain,
    Component,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.words import Numbers
from ansible_collections.unixsocket.access.plugins.module_utils._engine.resources import base
from ansible_collections.unixsocket.access.plugins.module_utils._engine.resources.endpoint_directory import (
    EndpointDirectory,
    EndpointState,
    not_roots_alone,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.resources.target_file import (
    TargetFile,
    TargetState,
)
from unit.resources.values import acls, ids, requests

NONE = EndpointState(None)
SEARCH = AccessRequest(users={7: 1}, groups={8: 1})


def resource() -> EndpointDirectory:
    return EndpointDirectory("/run/x", Numbers())


def there(acl: Acl, uid: int = 0, gid: int = 0) -> EndpointState:
    return EndpointState(Access(uid, gid, acl))


def test_a_new_one_is_roots_and_lets_in_who_is_named() -> None:
    assert resource().wanted(NONE, {"one": AccessRequest()}) == there(Acl(7, 0, 0))
    assert resource().wanted(NONE, {"one": SEARCH}) == there(Acl(7, 0, 0, ((7, 1),), ((8, 1),), 1))
    asked = AccessRequest(gid=5, group_obj=5, other=0)
    assert resource().wanted(NONE, {"one": asked, "two": SEARCH}) == there(
        Acl(7, 5, 0, ((7, 1),), ((8, 1),), 5), gid=5
    )


def test_one_that_everybody_may_search_needs_no_entries() -> None:
    """As /run: an entry would take the permission to list it from those who are let in."""
    asked = AccessRequest(group_obj=5, other=1)
    assert resource().wanted(NONE, {"one": asked, "two": SEARCH}) == there(Acl(7, 5, 1))
    assert resource().wanted(there(Acl(7, 5, 5)), {"one": SEARCH}) == there(Acl(7, 5, 5))


def test_of_one_that_was_there_only_what_is_asked_changes() -> None:
    old = there(Acl(7, 5, 5), gid=9)
    assert resource().wanted(old, {"one": AccessRequest()}) == old
    assert resource().wanted(old, {"one": AccessRequest(other=0)}) == there(Acl(7, 5, 0), gid=9)
    cut = there(Acl(7, 5, 0, ((3, 7),), (), 1))
    assert resource().wanted(cut, {"one": AccessRequest(group_obj=5)}) == there(
        Acl(7, 5, 0, ((3, 1),), (), 5)
    )


@pytest.mark.parametrize(
    ("state", "who"),
    [
        (there(Acl(7, 5, 5), uid=1000), "its owner"),
        (there(Acl(5, 5, 5), uid=1000), "its owner"),
        (there(Acl(7, 7, 5), gid=9), "the group with the id 9"),
        (there(Acl(7, 5, 7)), "everyone"),
        (there(Acl(7, 5, 5, ((4, 3),), (), 7)), "the user with the id 4"),
        (there(Acl(7, 5, 5, (), ((4, 2),), 7)), "the group with the id 4"),
    ],
)
def test_nobody_but_root_may_write_to_it(state: EndpointState, who: str) -> None:
    with pytest.raises(AccessError, match=f"could be written to by {who}"):
        resource().wanted(state, {"one": SEARCH})


@given(st.builds(Access, st.sampled_from((0, 0, 0, 1)), ids, acls()), requests(st.just(1)))
def test_what_is_wanted_never_lets_another_write(access: Access, request_: AccessRequest) -> None:
    """Whatever is asked, it is refused or root's alone; group 0 is root's own."""
    try:
        wanted = resource().wanted(EndpointState(access), {"one": request_}).access
    except AccessError:
        return
    assert wanted is not None
    assert wanted.uid == 0
    held = [(wanted.gid, wanted.acl.group_obj), *wanted.acl.users, *wanted.acl.groups]
    assert not wanted.acl.other & 2
    assert not [number for number, bits in held if number and wanted.acl.masked(bits) & 2]


def test_what_root_alone_can_write_to_is_taken() -> None:
    for state in (
        there(Acl(7, 7, 5)),
        there(Acl(7, 5, 5, ((4, 3),), (), 5)),
        there(Acl(7, 7, 5, (), (), 5), gid=9),
    ):
        assert resource().wanted(state, {"one": AccessRequest()}) == state


def test_its_place_follows_what_others_could_do() -> None:
    closed, opened = there(Acl(7, 0, 0)), there(Acl(7, 0, 0, ((7, 1),), (), 1))
    assert resource().place(NONE, opened) == base.FILES_COME
    assert resource().place(opened, NONE) == base.FILES_GO
    assert resource().place(closed, opened) == base.DIRECTORIES_OPEN
    assert resource().place(opened, closed) == base.DIRECTORIES_CLOSE
    assert resource().place(there(Acl(7, 7, 7)), opened) == base.FILES_COME


def test_undo_compares_three_ways() -> None:
    ours = there(Acl(7, 0, 0, ((7, 1),), (), 1))
    before = there(Acl(7, 5, 5))
    edited = there(Acl(7, 0, 4, ((7, 1),), (), 1))
    assert resource().without_us(ours, NONE, ours) == NONE
    assert resource().without_us(edited, NONE, ours) == NONE
    assert resource().without_us(NONE, before, ours) == NONE
    applied = there(Acl(7, 5, 5, ((7, 1),), (), 5))
    assert resource().without_us(applied, before, applied) == before
    other = there(Acl(7, 5, 1, ((7, 1),), (), 5))
    assert resource().without_us(other, before, applied) == there(Acl(7, 5, 1))


def test_states_and_requests_go_through_json() -> None:
    one = resource()
    for state in (NONE, there(Acl(7, 0, 0, ((7, 1),), (), 1))):
        assert one.state_from_json(one.state_to_json(state)) == state
    assert one.request_from_json(one.request_to_json(SEARCH)) == SEARCH


def chain(*components: Component) -> Chain:
    return Chain("/run/x/s", components)


USUAL = Acl(7, 5, 5)


def part(path: str, acl: Acl = USUAL, uid: int = 0, kind: str = DIRECTORY) -> Component:
    return Component(path, kind, Access(uid, 0, acl), target="/y" if kind == SYMLINK else None)


def test_even_the_owner_of_the_whole_chain_is_refused() -> None:
    assert not_roots_alone(chain(part("/"), part("/run"), part("/run/x")), "/run/x/s") is None
    for one, said in (
        (part("/run", uid=1000), "the directory /run could be written to by its owner"),
        (part("/run", Acl(7, 7, 7)), "everyone"),
        (part("/run", kind=SYMLINK), "leads through the symbolic link /run"),
    ):
        assert said in (not_roots_alone(chain(part("/"), one), "/run/x/s") or "")
    assert not_roots_alone(chain(part("/"), part("/run/x/s", uid=5, kind=OTHER)), "/x") is None


def test_a_target_that_was_there_gets_its_mode_back() -> None:
    one = TargetFile("/run/x/s")
    ours, before = TargetState(0), TargetState(0o644)
    assert one.wanted(before, {"one": True}) == ours
    assert one.without_us(ours, before, ours) == before
    assert one.without_us(ours, TargetState(None), ours) == TargetState(None)
    assert one.without_us(TargetState(0o600), before, ours) == TargetState(0o600)
    assert one.place(TargetState(None), ours) == base.FILES_COME
    assert one.place(ours, TargetState(None)) == base.MOUNTS_GO
    assert one.state_from_json(one.state_to_json(before)) == before


def test_keys_go_in_the_order_in_which_things_stand_on_each_other() -> None:
    kinds = ["endpoint:/", "fstab:/", "mount:/", "target:/"]
    assert sorted(kinds) == kinds
