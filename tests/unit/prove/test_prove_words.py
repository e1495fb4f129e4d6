# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an outcome says, which attempts are no attempts, and what counts as a refusal."""

from __future__ import annotations

import os

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.errors import AccessError
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.account import (
    Credentials,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.prove import (
    Attempt,
    Outcome,
    prove,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.prove.words import (
    connected,
    failed,
    unanswered,
)

WHO = Credentials(71001, 72001)

# Every error of connect(2) that unix(7), connect(2) and path_resolution(7) name for such a socket.
ERRORS = [
    "EACCES",
    "ENOENT",
    "ECONNREFUSED",
    "EPROTOTYPE",
    "EAGAIN",
    "EINVAL",
    "ENAMETOOLONG",
    "ENOTDIR",
    "ELOOP",
    "EPERM",
    "EMFILE",
    "ENFILE",
    "ENOMEM",
    "ENOBUFS",
]


@pytest.mark.parametrize("error", ERRORS)
def test_errors_in_words(error: str) -> None:
    text = failed("alice", "/run/s", error, "stream", 2)
    assert text.startswith("alice could not connect to /run/s: ")
    assert text.endswith(f"({error}).")
    assert "{" not in text
    assert len(text) > 60


@pytest.mark.parametrize(
    ("error", "part"),
    [
        ("EACCES", "the permissions of the socket or of a directory on the way"),
        ("ECONNREFUSED", "nobody listens there, although the permissions are enough"),
        ("EAGAIN", "stayed full for 0.5 seconds"),
        ("EPROTOTYPE", "the socket is not of type seqpacket"),
        ("EDOM", "Numerical argument out of domain"),
        ("E9999", "the kernel gave this error"),
    ],
)
def test_some_errors(error: str, part: str) -> None:
    assert part in failed("alice", "/run/s", error, "seqpacket", 0.5)


def test_no_type_fits() -> None:
    text = failed("alice", "/run/s", "EPROTOTYPE", None, 1)
    assert "the socket is neither stream nor seqpacket nor dgram" in text


def test_connected() -> None:
    start = "alice connected to /run/s (stream)"
    assert connected("alice", "/run/s", "stream", None, None) == f"{start}."
    assert connected("alice", "/run/s", "stream", True, None).startswith(f"{start} and got")
    assert connected("alice", "/run/s", "stream", False, "why", b"", b"PONG") == (
        f"{start}, but got no answer, and not the expected 'PONG': why."
    )
    long = connected("alice", "/run/s", "stream", False, None, b"\xff\n" + b"x" * 500, b"PONG")
    assert f"{start}, but got '\\\\xff\\nxx" in long
    assert long.endswith("x...' and not the expected answer 'PONG'.")
    assert len(long) < 350


def test_unanswered() -> None:
    assert unanswered("alice", "/run/s", "why") == (
        "Whether alice can connect to /run/s could not be proven: why."
    )


@pytest.mark.parametrize(
    ("error", "refused", "permitted"),
    [
        ("EACCES", True, False),
        ("ECONNREFUSED", False, True),
        ("EPROTOTYPE", False, True),
        ("EAGAIN", False, True),
        ("ENOENT", False, False),
        ("EPERM", False, False),
        (None, False, False),
    ],
)
def test_what_proves_something(error: str | None, refused: bool, permitted: bool) -> None:
    outcome = Outcome(Attempt("/s", WHO), False, error, "", answered=error is not None)
    assert (outcome.refused, outcome.permitted) == (refused, permitted)


@pytest.mark.parametrize(
    ("attempt", "message"),
    [
        (Attempt("run/s", WHO), "'run/s' is not the absolute path of a socket"),
        (Attempt("@name", WHO), "'@name' is not the absolute path of a socket"),
        (Attempt("\0name", WHO), r"'\\x00name' is not the absolute path"),
        (Attempt("/run/\0s", WHO), "is not the absolute path of a socket"),
        (Attempt("/" + "ä" * 54, WHO), "longer than the 107 bytes"),
        (Attempt("/s", WHO, "raw"), "/s cannot be of type raw; use stream, seqpacket, dgram"),
        (Attempt("/s", WHO, "dgram", send=b"x"), "a datagram socket, which does not answer"),
    ],
)
def test_no_attempt(attempt: Attempt, message: str) -> None:
    with pytest.raises(AccessError, match=message):
        prove([attempt], seconds=1)


def test_no_time() -> None:
    with pytest.raises(ValueError, match="above 0"):
        prove([], seconds=0)


def test_nothing_to_do_needs_nothing() -> None:
    assert prove([], seconds=1) == []


def test_only_root_proves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(AccessError, match="which only root can do; run it as root"):
        prove([Attempt("/run/s", WHO)], seconds=1)
