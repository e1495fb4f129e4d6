# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether root may act on what a path leads to."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.acl import Acl
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.chain import (
    DIRECTORY,
    OTHER,
    Chain,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.reach import (
    unfit_leaf,
    unsafe_step,
)
from unit.reach.chains import ALICE, APP, BOB, ROOT, People, acl, chain, inode, link, socket_at

RUN = inode("/run", 0o755)
STAFF, ADMINS = 50, 51


def at(directory: int | Acl, owner: int, group: int | None = None, leaf: int = APP) -> Chain:
    """The socket /run/app/s of ``leaf`` in such a directory."""
    return chain(
        "/run/app/s",
        RUN,
        inode("/run/app", directory, owner, group),
        socket_at("/run/app/s", 0o660, leaf),
    )


SAFE = {
    "root's directory, root's socket": at(0o755, ROOT, leaf=ROOT),
    "root's directory, anybody's socket": at(0o755, ROOT),
    "root's directory, its own group may write": at(0o775, ROOT),
    "root's sticky directory": at(0o1755, ROOT),
    "app's directory, app's socket": at(0o755, APP),
    "app's directory, its group has no member but app": at(0o775, APP, APP),
    "app's directory, root's group may write": at(0o775, APP, ROOT),
    "app's directory, its group has root and app": at(0o775, APP, ADMINS),
    "an entry for root and for the owner": at(acl(0o755, {ROOT: 7, APP: 7}, mask=7), APP),
    "an entry that the mask makes harmless": at(acl(0o755, {BOB: 7}, mask=5), APP),
    "root's link in root's directory": chain(
        "/var/run/s",
        inode("/var", 0o755),
        link("/var/run", "/run"),
        RUN,
        socket_at("/run/s", 0o666),
    ),
}
MEMBERS = {APP: [APP], STAFF: [APP, BOB], ADMINS: [APP, ROOT], ROOT: [ROOT]}


@pytest.mark.parametrize("name", SAFE)
def test_safe(name: str) -> None:
    assert unsafe_step(SAFE[name], members=MEMBERS) is None


WRITERS = {
    "everyone": (at(0o777, ROOT), "everyone"),
    "everyone, sticky": (at(0o1777, ROOT), "everyone"),
    "everyone, app's own": (at(0o757, APP), "everyone"),
    "a group with strangers": (at(0o775, ROOT, STAFF), "the members of group 50"),
    "a group whose one member is not the owner": (at(0o775, ROOT, APP), "the members of group app"),
    "a group nobody knows": (at(0o775, APP, 52), "the members of group 52"),
    "a named user": (at(acl(0o755, {BOB: 7}, mask=7), APP), "bob"),
    "a named user without search": (at(acl(0o755, {BOB: 2}, mask=7), ROOT), "bob"),
    "a named group": (at(acl(0o755, {}, {STAFF: 7}, mask=7), APP), "the members of group 50"),
    "several": (
        at(acl(0o777, {BOB: 7}, {STAFF: 7}, mask=7), APP),
        "everyone and the members of group 50 and bob",
    ),
}


@pytest.mark.parametrize("name", WRITERS)
def test_writers(name: str) -> None:
    whole, who = WRITERS[name]
    out = "Take that permission away"
    if name == "everyone, sticky":
        out = "Let the daemon make its socket in a directory of its own"
    assert unsafe_step(whole, members=MEMBERS, names=People()) == (
        f"/run/app/s is not safe to change as root: {who} may write to the directory /run/app and "
        f"could put something else in the place of /run/app/s. {out}, or accept it with "
        "trust_directories: [/run/app]."
    )
    assert unsafe_step(whole, members=MEMBERS, trusted=["/run/app"]) is None
    assert unsafe_step(whole, members=MEMBERS, trusted=["/run"]) is not None


def test_a_directory_higher_up() -> None:
    whole = chain(
        "/srv/x/s", inode("/srv", 0o777), inode("/srv/x", 0o755), socket_at("/srv/x/s", 0o600)
    )
    reason = unsafe_step(whole)
    assert reason is not None
    assert "could put something else in the place of /srv/x." in reason
    assert "trust_directories: [/srv]" in reason


@pytest.mark.parametrize("other", [ROOT, BOB])
def test_something_of_another_owner_in_a_users_directory(other: int) -> None:
    whole = at(0o755, APP, leaf=other)
    reason = unsafe_step(whole, names=People())
    assert reason == (
        "/run/app/s is not safe to change as root: the directory /run/app belongs to app, who "
        "could put something else in the place of the socket /run/app/s, which belongs to "
        f"{People().user_name(other)}. Give both the same owner, or accept it with "
        "trust_directories: [/run/app]."
    )
    assert unsafe_step(whole, trusted=["/run/app"]) is None


def test_a_directory_of_another_owner_in_a_users_directory() -> None:
    whole = chain(
        "/srv/x/s",
        inode("/srv", 0o755, APP),
        inode("/srv/x", 0o755, ROOT),
        socket_at("/srv/x/s", 0o600, ROOT),
    )
    reason = unsafe_step(whole, names=People())
    assert reason is not None
    assert "in the place of the directory /srv/x, which belongs to root" in reason


@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize(("owner", "safe"), [(None, True), (APP, True), (BOB, False), (0, False)])
def test_wanted_owner(missing: bool, owner: int | None, safe: bool) -> None:
    """What the first run may do, the second one may, too."""
    whole = at(0o755, APP)
    if missing:
        whole = Chain(whole.path, whole.components[:-1], missing="/run/app/s")
    reason = unsafe_step(whole, owner=owner, names=People())
    assert (reason is None) is safe
    if reason is not None:
        assert f"the socket shall belong to {People().user_name(owner or 0)}, but app" in reason
        assert "trust_directories: [/run/app]" in reason
    assert unsafe_step(whole, owner=owner, trusted=["/run/app"]) is None


def test_wanted_owner_in_roots_directory() -> None:
    assert unsafe_step(at(0o755, ROOT), owner=BOB) is None


def test_missing_socket_in_a_directory_of_others() -> None:
    whole = Chain("/tmp/s", (inode("/", 0o755), inode("/tmp", 0o1777)), missing="/tmp/s")
    reason = unsafe_step(whole)
    assert reason is not None
    assert "in the place of /tmp/s." in reason


def _linked(directory: int, lord: int, owner: int) -> Chain:
    return chain(
        "/srv/l",
        inode("/srv", directory, lord),
        link("/srv/l", "/run/s", owner),
        RUN,
        socket_at("/run/s", 0o600),
    )


LINKS: list[tuple[int, int, int, Collection[str], str | None]] = [
    (0o755, ROOT, ROOT, (), None),
    (0o755, ROOT, ALICE, (), "belongs to alice and not to root"),
    (0o755, ALICE, ALICE, (), "belongs to alice and not to root"),
    (0o755, ALICE, ROOT, (), "stands in the directory /srv, where others than root may write"),
    (0o1777, ROOT, ROOT, (), "stands in the directory /srv, where others than root may write"),
    (0o1777, ROOT, ALICE, (), "belongs to alice and not to root"),
    (0o1777, ROOT, ROOT, ["/srv"], None),
    (0o1777, ROOT, ALICE, ["/srv"], "belongs to alice and not to root"),
    (0o755, ALICE, ROOT, ["/srv"], None),
    (0o755, ALICE, ALICE, ["/srv"], "belongs to alice and not to root"),
]


@pytest.mark.parametrize(("directory", "lord", "owner", "trusted", "why"), LINKS)
def test_links(
    directory: int, lord: int, owner: int, trusted: Collection[str], why: str | None
) -> None:
    reason = unsafe_step(_linked(directory, lord, owner), trusted=trusted, names=People())
    assert reason == (
        None
        if why is None
        else "/srv/l is not safe to change as root: it leads through the symbolic link /srv/l (to "
        f"/run/s), which {why}. Name the real path of the socket instead of one with this link in "
        "it."
    )


def test_fit_leaves() -> None:
    assert unfit_leaf(at(0o755, ROOT)) is None
    assert unfit_leaf(Chain("/s", (inode("/", 0o755),), missing="/s")) is None


@pytest.mark.parametrize(
    ("kind", "what"),
    [(OTHER, "a regular file, a pipe or a device"), (DIRECTORY, "a directory")],
)
def test_unfit_kinds(kind: str, what: str) -> None:
    assert unfit_leaf(chain("/run/f", RUN, inode("/run/f", 0o644, kind=kind))) == (
        f"/run/f is {what} and not a socket; name the path of a socket."
    )


def test_unfit_through_a_link() -> None:
    whole = chain("/l", link("/l", "/run/f"), RUN, inode("/run/f", 0o644, kind=OTHER))
    assert str(unfit_leaf(whole)).startswith("/l (which is /run/f) is a regular file")


@pytest.mark.parametrize("links", [0, 2])
def test_hard_links(links: int) -> None:
    whole = chain("/run/s", RUN, inode("/run/s", 0o600, kind="socket", links=links))
    reason = unfit_leaf(whole)
    assert reason is not None
    assert reason.startswith(f"/run/s has {links} hard links instead of one")
