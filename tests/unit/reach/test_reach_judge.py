# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whole walks: the component that decides, the error, the sentence and what would help."""

from __future__ import annotations

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.account import (
    Credentials,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.chain import (
    OTHER,
    Chain,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.reach import judge, refusals
from ansible_collections.unixsocket.access.plugins.module_utils._engine.reach.explain import line
from ansible_collections.unixsocket.access.plugins.module_utils._engine.reach.walk import findings
from unit.reach.chains import ALICE, APP, BOB, People, acl, chain, inode, link, socket_at

WHO = Credentials(ALICE, ALICE, frozenset({ALICE}))
ROOT_USER = Credentials(0, 0)
RUN = inode("/run", 0o755)
SOCK = "/run/app/s"


def app(mode: int) -> Chain:
    """A directory and a socket of app."""
    return chain(SOCK, RUN, inode("/run/app", mode, APP), socket_at(SOCK, 0o660, APP))


def test_allowed() -> None:
    verdict = judge(chain("/run/s", RUN, socket_at("/run/s", 0o666)), WHO, People())
    assert verdict.allowed
    assert (verdict.component.path, verdict.permission, verdict.rule) == (
        "/run/s",
        "connect",
        "other",
    )
    assert verdict.errno is None
    assert verdict.remedies == ()
    assert verdict.text == (
        "alice may connect to the socket /run/s, because no entry matches alice or a group of the "
        "process, and the permission of others (rw-) has w (write), which is all that connecting "
        "needs."
    )


def test_first_refusal_decides_and_all_are_remedied() -> None:
    verdict = judge(app(0o700), WHO, People())
    assert not verdict.allowed
    assert (verdict.component.path, verdict.permission, verdict.rule, verdict.errno) == (
        "/run/app",
        "search",
        "search-other",
        "EACCES",
    )
    assert [(one.path, one.kind) for one in verdict.remedies] == [
        ("/run/app", "user-entry"),
        (SOCK, "user-entry"),
    ]
    assert verdict.remedies[0].text == "Give alice an entry: setfacl -m u:alice:x /run/app."
    assert verdict.remedies[1].text == (
        "Give alice an entry: setfacl -m u:alice:rw /run/app/s. Membership in group app, which may "
        "connect already, would do instead, for processes that are started after it."
    )
    assert verdict.remedies[1].group == APP


def test_remedies_help() -> None:
    before = app(0o700)
    planned = {one.path: one.access for one in judge(before, WHO).remedies if one.access}
    assert judge(before.with_access(planned), WHO).rule == "named-user"


def test_membership_that_closes_something_else_is_not_advised() -> None:
    """Others may search the directory, the members of the group may not."""
    verdict = judge(app(0o701), WHO, People())
    assert verdict.component.path == SOCK
    assert [one.group for one in verdict.remedies] == [None]


def test_membership_that_is_not_to_be_had_is_not_advised() -> None:
    whole = app(0o711)
    (free,) = refusals(whole, WHO, People())
    (bound,) = refusals(whole, WHO, People(), not_to_join=[APP])
    assert [one.remedy and one.remedy.group for one in (free, bound)] == [APP, None]


def test_membership_that_is_there_already_is_not_advised() -> None:
    """The entry of the group is refused by the mask, which a member meets as well."""
    whole = chain(
        SOCK,
        inode("/run", 0o755),
        inode("/run/app", 0o755),
        socket_at(SOCK, acl(0o660, {}, {APP: 6}, mask=0o4)),
    )
    member = WHO._replace(groups=frozenset({APP}))
    (refusal,) = refusals(whole, member, People())
    assert refusal.remedy is not None
    assert refusal.remedy.group is None


def test_root_passes_everything() -> None:
    assert judge(app(0o000), ROOT_USER).rule == "root"


@pytest.mark.parametrize(
    ("mode", "remedy", "text"),
    [
        (0o060, "owner-mode", "Give the owner the permission: chmod u+rw /run/s."),
        (0o660, None, None),
    ],
)
def test_owner(mode: int, remedy: str | None, text: str | None) -> None:
    verdict = judge(chain("/run/s", RUN, socket_at("/run/s", mode, ALICE, APP)), WHO, People())
    assert verdict.rule == "owner"
    assert verdict.allowed is (remedy is None)
    assert [(one.kind, one.text) for one in verdict.remedies] == (
        [] if remedy is None else [(remedy, text)]
    )


def test_a_wider_mask_says_whom_else_it_serves() -> None:
    held = acl(0o660, {BOB: 6}, mask=4)
    verdict = judge(chain("/run/s", RUN, socket_at("/run/s", held, 0, APP)), WHO, People())
    assert verdict.remedies[0].text == (
        "Give alice an entry: setfacl -m u:alice:rw /run/s. The wider mask also gives effect to "
        "what group app, bob may by entry."
    )


def test_an_empty_mask_says_what_happens() -> None:
    held = acl(0o600, {ALICE: 6}, mask=0)
    verdict = judge(chain("/run/s", RUN, socket_at("/run/s", held, 0, APP)), WHO, People())
    assert verdict.rule == "acl-off"
    assert verdict.text == (
        "alice may not connect to the socket /run/s, because the mask is empty, which switches the "
        "whole ACL off, its entry for alice (rw-) included, and alice is judged as one of the "
        "others (---)."
    )
    assert "This switches the whole ACL on" in verdict.remedies[0].text


@pytest.mark.parametrize("path", ["/run/user/1000", "/home/bob", "/root"])
def test_private_directories_stay_closed(path: str) -> None:
    parts = [f"/{'/'.join(path.split('/')[1:end])}" for end in range(2, path.count("/") + 1)]
    whole = chain(
        f"{path}/s",
        *(inode(part, 0o755) for part in parts),
        inode(path, 0o700, BOB),
        socket_at(f"{path}/s", 0o666, BOB),
    )
    verdict = judge(whole, WHO, People())
    assert verdict.rule == "search-other"
    assert [(one.kind, one.access) for one in verdict.remedies] == [("private-directory", None)]
    assert verdict.remedies[0].text.startswith(f"Keep {path} closed, for search on it would let")


@pytest.mark.parametrize("above", ["/run", "/var/lib", "/var/cache", "/var/log"])
def test_what_systemd_wants_closed_is_not_opened(above: str) -> None:
    """It starts no service with DynamicUser= any more that has its directory there."""
    private = f"{above}/private"
    parts = [f"/{'/'.join(above.split('/')[1:end])}" for end in range(2, above.count("/") + 2)]
    whole = chain(
        f"{private}/app/s",
        *(inode(part, 0o755) for part in parts),
        inode(private, 0o700),
        inode(f"{private}/app", 0o755),
        socket_at(f"{private}/app/s", 0o666),
    )
    (remedy,) = judge(whole, WHO, People()).remedies
    assert (remedy.kind, remedy.access) == ("private-directory", None)
    assert remedy.text.startswith(f"{private} is where systemd keeps directories")


def test_a_file_system_without_acls() -> None:
    leaf = socket_at("/run/s", 0o600, BOB, APP)._replace(acl_support=False)
    (remedy,) = judge(chain("/run/s", RUN, leaf), WHO, People()).remedies
    assert (remedy.kind, remedy.group) == ("group-mode", APP)
    assert remedy.text == (
        "The file system keeps no ACLs, so give the group the permission: chmod g+rw /run/s. alice "
        "has to be a member of group app, too."
    )


def test_missing() -> None:
    whole = chain(SOCK, RUN)._replace(missing="/run/app")
    verdict = judge(whole, WHO, People())
    assert (verdict.rule, verdict.errno, verdict.component.path) == ("missing", "ENOENT", "/run")
    assert verdict.text == "alice cannot connect to /run/app/s, because /run/app does not exist."
    assert [one.kind for one in verdict.remedies] == ["start"]


def test_missing_below_a_closed_directory_is_a_refusal() -> None:
    whole = chain("/run/app/s", RUN, inode("/run/app", 0o700, APP))._replace(missing=SOCK)
    verdict = judge(whole, WHO)
    assert (verdict.rule, verdict.errno) == ("search-other", "EACCES")
    assert [one.kind for one in verdict.remedies] == ["user-entry", "start"]


def test_missing_is_found_beside_a_link_that_was_walked_before() -> None:
    """The last component that was seen is the link then, and not the directory."""
    whole = chain("/run/l", RUN, link("/run/l", "s"))._replace(missing="/run/s")
    assert judge(whole, WHO).component.path == "/run"


@pytest.mark.parametrize(("mode", "rule"), [(0o666, "not-a-socket"), (0o644, "other")])
def test_permission_comes_before_the_type(mode: int, rule: str) -> None:
    verdict = judge(chain("/run/f", RUN, inode("/run/f", mode, kind=OTHER)), WHO, People())
    assert (verdict.allowed, verdict.rule) == (False, rule)
    assert [one.kind for one in verdict.remedies] == ["other-path"]


def test_not_a_directory_on_the_way() -> None:
    whole = chain("/run/f/s", RUN, inode("/run/f", 0o666, kind=OTHER))
    verdict = judge(whole._replace(blocked="/run/f"), WHO, People())
    assert (verdict.rule, verdict.errno) == ("not-a-directory", "ENOTDIR")


class TestLinks:
    """Sticky directory of root that everyone may write to, the link of bob, the socket open."""

    STICKY = inode("/tmp", 0o1777)
    OPEN = socket_at("/run/s", 0o666)

    def through(self, owner: int, directory: int = 0o1777, path: str = "/tmp/l") -> Chain:
        target = "/run/s" if path == "/tmp/l" else "/run"
        return chain(path, inode("/tmp", directory), link("/tmp/l", target, owner), RUN, self.OPEN)

    def test_refused(self) -> None:
        verdict = judge(self.through(BOB), WHO, People())
        assert (verdict.permission, verdict.rule, verdict.errno) == (
            "follow",
            "protected-symlink",
            "EACCES",
        )
        assert verdict.component.path == "/tmp/l"
        assert [one.kind for one in verdict.remedies] == ["other-path"]

    def test_refused_to_root_as_well(self) -> None:
        assert judge(self.through(BOB), ROOT_USER).rule == "protected-symlink"

    @pytest.mark.parametrize("owner", [0, ALICE])
    def test_link_of_the_directory_owner_or_of_the_process(self, owner: int) -> None:
        assert judge(self.through(owner), WHO).allowed

    @pytest.mark.parametrize("mode", [0o777, 0o1775, 0o755])
    def test_other_directories(self, mode: int) -> None:
        assert judge(self.through(BOB, mode), WHO).allowed

    def test_not_protected(self) -> None:
        assert judge(self.through(BOB)._replace(protected_symlinks=False), WHO).allowed

    def test_only_trailing_links_are_protected(self) -> None:
        assert judge(self.through(BOB, path="/tmp/l/s"), WHO).allowed

    def test_search_on_the_way_of_the_target(self) -> None:
        whole = chain("/l", link("/l", "run/s"), inode("/run", 0o700), self.OPEN)
        verdict = judge(whole, WHO)
        assert (verdict.rule, verdict.component.path) == ("search-other", "/run")

    def test_up_and_down(self) -> None:
        whole = chain("/a/../run/s", inode("/a", 0o700, BOB), RUN, self.OPEN)
        assert judge(whole, WHO).component.path == "/a"

    def test_a_loop(self) -> None:
        verdict = judge(chain("/l", link("/l", "l")), WHO)
        assert (verdict.rule, verdict.errno) == ("too-many-links", "ELOOP")


def test_a_chain_without_its_beginning() -> None:
    with pytest.raises(ValueError, match=r"The chain of /run/s lacks the root directory\."):
        judge(Chain("/run/s", (RUN,)), WHO)


def test_each_step_in_words() -> None:
    held = acl(0o750, {BOB: 1}, mask=5)
    whole = chain(
        "/l",
        link("/l", "/run/app/s"),
        RUN,
        inode("/run/app", held, APP),
        socket_at(SOCK, 0o660, APP),
    )
    assert [line(one, whole, WHO, People()) for one in findings(whole, WHO)] == [
        "/ (directory, owner root, group root, mode 0755): alice may search the directory /, "
        "because no entry matches alice or a group of the process, and the permission of others "
        "(r-x) has x (search).",
        "/run (directory, owner root, group root, mode 0755): alice may search the directory /run, "
        "because no entry matches alice or a group of the process, and the permission of others "
        "(r-x) has x (search).",
        "/run/app (directory, owner app, group app, mode 0750, ACL user:bob:--x group::r-x "
        "mask::r-x): alice may not search the directory /run/app, because no entry matches alice "
        "or a group of the process, and the permission of others (---) lacks x (search).",
        "/run/app/s (socket, owner app, group app, mode 0660): alice may not connect to the socket "
        "/run/app/s, because no entry matches alice or a group of the process, and the permission "
        "of others (---) lacks w (write), which connecting needs.",
    ]
    assert [one.text for one in judge(whole, WHO, People()).remedies] == [
        "Give alice an entry: setfacl -m u:alice:x /run/app. Membership in group app, which "
        "may search it already, would do instead, for processes that are started after it.",
        "Give alice an entry: setfacl -m u:alice:rw /run/app/s. Membership in group app, "
        "which may connect already, would do instead, for processes that are started after it.",
    ]
