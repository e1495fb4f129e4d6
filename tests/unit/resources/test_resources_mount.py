# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is read from a table of mounts, and what follows from it."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.errors import AccessError
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host import mounts
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.mounts import (
    Mount,
    Remembered,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.account import (
    Credentials,
    User,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.resources import base
from ansible_collections.unixsocket.access.plugins.module_utils._engine.resources.bind_mount import (
    BindMount,
    MountRequest,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.resources.mount_state import (
    OPTIONS,
    MountState,
)

ALICE = User("alice", Credentials(1000, 1000))
SOURCE = "/run/user/1000/s"
ASKED = MountRequest(SOURCE)


class Host:
    """A socket that is held, a target that shows it or not, and a table of mounts."""

    def __init__(self, top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.target = str(top / "t")
        self.socket = str(top / "s")
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(self.socket)
        self.descriptor = os.open(self.socket, os.O_PATH)
        self.table = [Mount(1, 0, 5, "/", "/")]
        self.options: tuple[str, ...] | None = None
        monkeypatch.setattr(mounts, "read", lambda: self.table)
        monkeypatch.setattr(mounts, "all_remembered", self.remembered)

    def remembered(self, target: str) -> list[Remembered]:
        """Of the topmost mount alone, if of any."""
        return [] if self.options is None else [Remembered(self.table[-1].root, self.options)]

    def mounted(self, root: str = "/user/1000/s", device: int = 5) -> None:
        number = len(self.table) + 1
        self.table.append(
            Mount(number, 1, device, root, self.target, options=frozenset((*OPTIONS, "rw")))
        )

    def shows(self, current: bool) -> None:
        Path(self.target).unlink(missing_ok=True)
        os.symlink("/", self.target) if not current else os.link(self.socket, self.target)

    def resource(self, *, down: bool = False, mounter: User | None = None) -> BindMount:
        fd = None if down else self.descriptor
        return BindMount(self.target, SOURCE, descriptor=fd, mounter=mounter)


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    host = Host(tmp_path, monkeypatch)
    # The second name of the socket stands for its mount here.
    monkeypatch.setattr(BindMount, "_unfit_source", lambda self: None)
    yield host
    os.close(host.descriptor)


def test_nothing_one_and_more(host: Host) -> None:
    assert host.resource().read() == MountState("absent", 0)
    host.shows(current=True)
    host.mounted()
    assert host.resource().read() == MountState("current", 1)
    host.mounted()
    assert host.resource().read() == MountState("current", 2)


def test_what_lies_on_the_source_counts(host: Host) -> None:
    host.table.append(Mount(2, 1, 5, SOURCE, SOURCE))
    assert host.resource().read() == MountState("absent", 1)


def test_what_was_the_source_once_is_stale(host: Host) -> None:
    host.shows(current=False)
    host.mounted("/s", 9)
    assert host.resource().read() == MountState("stale", 1)
    assert host.resource(down=True).read() == MountState("stale", 1)


def test_what_never_was_is_foreign_unless_our_line_did_it(host: Host) -> None:
    host.shows(current=False)
    host.mounted("/secret/v", 9)
    resource = host.resource()
    seen = resource.read()
    assert seen == MountState("foreign", 1)
    with pytest.raises(AccessError, match=r"something else mounted on it \(/secret/v in"):
        resource.wanted(seen, {"one": ASKED})
    assert resource.without_us(seen, MountState(), MountState()) == seen
    for options in (("user=alice",), ("user=bob", "x-socket-access=n")):
        host.options = options
        seen = host.resource(mounter=ALICE).read()
        assert seen == MountState("stale", 1, options[0][len("user=") :])


def test_something_foreign_below_is_not_hidden_by_the_socket(host: Host) -> None:
    host.shows(current=True)
    host.mounted("/secret/v", 9)
    host.mounted()
    assert host.resource().read() == MountState("foreign", 2)


def test_it_is_wanted_once_while_there_is_a_socket(host: Host) -> None:
    one = {"one": ASKED}
    assert host.resource().wanted(MountState(), one) == MountState("current", 1)
    by_user = MountState("current", 1, "alice")
    assert host.resource(mounter=ALICE).wanted(MountState(), one) == by_user
    assert host.resource(down=True).wanted(MountState("absent", 2), one) == MountState()
    both = {"one": ASKED, "two": MountRequest("/other")}
    with pytest.raises(AccessError, match="one and two want different mounts"):
        host.resource().wanted(MountState(), both)


@pytest.mark.parametrize("what", ["current", "stale"])
def test_what_nothing_is_recorded_of_is_refused_but_for_a_hook(host: Host, what: str) -> None:
    one, there = {"one": ASKED}, MountState(what, 1, "bob", ("nosuid", "nodev"))
    said = r"mounted on .* already by bob without nosuid and nodev, which no run of this collection did"
    with pytest.raises(AccessError, match=said):
        host.resource().wanted(there, one)
    hook = BindMount(host.target, SOURCE, descriptor=host.descriptor, known=True)
    assert hook.wanted(there, one) == MountState("current", 1)
    host.options = ("user=bob", "x-socket-access=n")
    assert host.resource().wanted(there, one) == MountState("current", 1)


def test_what_the_lowest_mount_lacks_is_told(host: Host) -> None:
    host.shows(current=True)
    host.table.append(
        Mount(2, 1, 5, "/user/1000/s", host.target, options=frozenset(("rw", "nodev")))
    )
    host.mounted()
    seen = host.resource().read()
    assert seen == MountState("current", 2, lacks=("nosuid", "noexec"))
    assert "2 times, without nosuid and noexec" in host.resource().in_words(seen)


def test_order_undo_and_json(host: Host) -> None:
    one, there = host.resource(), MountState("current", 1, "alice")
    assert one.place(MountState(), there) == base.MOUNTS_COME
    assert one.place(MountState("stale", 1), there) == base.MOUNTS_COME
    assert one.place(there, MountState()) == base.MOUNTS_GO
    assert one.without_us(there, there, there) == MountState()
    assert one.remembered(there, there) == MountState()
    for state in (there, MountState("current", 1, lacks=("nosuid",))):
        written = json.loads(json.dumps(one.state_to_json(state)))
        assert written == one.state_to_json(state)
        assert one.state_from_json(written) == state
    assert one.request_from_json(one.request_to_json(ASKED)) == ASKED


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (MountState(), MountState("current", 1), f"{SOURCE} is mounted on T by root."),
        (MountState("current", 1), MountState(), "T is unmounted."),
        (MountState("stale", 1), MountState("current", 1, "alice"), "mounted anew by user alice."),
        (MountState("current", 1), MountState("current", 1, "alice"), "alice instead of root."),
        (MountState("current", 1, None, ("nodev",)), MountState("current", 1), "without nodev"),
        (MountState("current", 3), MountState("current", 1), "T is mounted 3 times"),
        (MountState("absent", 1), MountState(), f"{SOURCE} is mounted on itself"),
    ],
)
def test_what_changes_is_said(host: Host, before: MountState, after: MountState, said: str) -> None:
    resource = host.resource()
    told = " ".join(resource.changes(before, after)).replace(host.target, "T")
    if before.count:
        assert resource.in_words(before) != resource.in_words(after)
    assert said in told


def test_no_socket_and_two_names_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = Host(tmp_path, monkeypatch)
    os.link(host.socket, tmp_path / "other")
    for path, said in ((host.socket, "2 hard links"), (str(tmp_path), "is not a socket")):
        fd = os.open(path, os.O_PATH)
        resource = BindMount(host.target, SOURCE, descriptor=fd)
        resource.read()
        with pytest.raises(AccessError, match=said):
            resource.wanted(MountState(), {"one": ASKED})
        os.close(fd)
    os.close(host.descriptor)
