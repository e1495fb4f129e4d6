# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""More sockets than a process may have files open, by the limits that a host starts it with."""

from __future__ import annotations

import os
import resource
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from kernel.hosts import ALICE, BOB, Place, become, ended, fork, place_on, seen

USUAL, MANY = 1024, 1500


@pytest.fixture
def home() -> Iterator[Place]:
    yield from place_on("tmpfs")


def many(home: Place) -> dict[str, Any]:
    """Declare sockets of which two are listened at, for this process has a limit as well."""
    declared = {}
    for number in range(MANY):
        path = f"{home.top}/{number}"
        if number in (0, MANY - 1):
            home.listen(path, 0o600)
        else:
            with socket.socket(socket.AF_UNIX) as one:
                one.bind(path)
            os.chmod(path, 0o600)
        declared[f"s{number}"] = {"path": path, "allow": [{"user": str(BOB), "method": "acl"}]}
    return declared


def connects(path: str, uid: int) -> bool:
    def work() -> None:
        become(uid)
        with socket.socket(socket.AF_UNIX) as one:
            one.connect(path)

    return ended(fork(work)) == 0


def limited(work: Any, hard: int) -> int:
    """Run it in a process that was started with the usual limit; return how it ended."""

    def child() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(USUAL, hard), hard))
        work()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (min(USUAL, hard), hard)

    return ended(fork(child))


def test_more_sockets_than_the_usual_limit(home: Place) -> None:
    declared = many(home)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    assert hard == resource.RLIM_INFINITY or hard >= 4 * MANY
    last = f"{home.top}/{MANY - 1}"
    assert not connects(last, BOB)

    def work() -> None:
        result = home.run(declared, prove=False)
        assert len(result.sockets) == MANY

    assert limited(work, hard) == 0
    granted = seen(last).acl
    assert granted is not None
    assert all(seen(one["path"]).acl == granted for one in declared.values())
    for path in (f"{home.top}/0", last):
        assert connects(path, BOB)
        assert not connects(path, ALICE)
    assert limited(lambda: home.run(declared, absent=True), hard) == 0
    assert {seen(one["path"]).acl for one in declared.values()} == {None}
    assert not connects(last, BOB)


def test_more_sockets_than_the_hard_limit_are_refused_in_one_sentence(home: Place) -> None:
    declared = many(home)

    def work() -> None:
        said = home.refusal(declared, prove=False)
        assert said.startswith(f"This run holds {MANY} sockets open ")
        assert (
            f"no more than {USUAL} files open (its hard limit, RLIMIT_NOFILE). Raise that" in said
        )
        assert len(said.splitlines()) == 1

    assert limited(work, USUAL) == 0
