# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each way to be refused: the true cause is named, and what is proposed lets in, for real."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine import keeper
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.accounts import (
    Accounts,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy import (
    Principal,
    validate,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.prove import Attempt, prove
from ansible_collections.unixsocket.access.plugins.module_utils._engine.run import converge
from ansible_collections.unixsocket.access.plugins.module_utils._engine.runtime import command
from ansible_collections.unixsocket.access.plugins.module_utils._engine.task import Options, Task
from ansible_collections.unixsocket.access.plugins.module_utils._engine.why import explain
from kernel.conftest import PROTECTED_SYMLINKS
from kernel.explain.ways import PATH, WAYS, Way
from kernel.explain.world import alone, carry_out, listen, world

DECLARED = [name for name in WAYS if name not in ("wrong_type",)]


@pytest.fixture(autouse=True)
def _protected() -> Iterator[None]:
    before = PROTECTED_SYMLINKS.read_text().strip()
    PROTECTED_SYMLINKS.write_text("1")
    yield
    PROTECTED_SYMLINKS.write_text(before)


def ask(way: Way, path: str | None = None) -> tuple[int, dict[str, Any]]:
    """Ask the command as a program does."""
    said = io.StringIO()
    kind = [f"--{way.kind}"] if way.kind else []
    with contextlib.redirect_stdout(said):
        status = command.main(["explain", "--json", *kind, path or way.path, way.user])
    return status, json.loads(said.getvalue())


def connect(way: Way, path: str | None = None, kind: str | None = None) -> str | None:
    """Connect as the user for real; return the name of the error."""
    if way.running is not None and way.errno != "EAGAIN":
        return way.running().connect(path or way.path)
    user = Accounts().user(way.user)
    assert user is not None
    attempt = Attempt(path or way.path, user.credentials, kind or way.kind)
    (outcome,) = prove([attempt], seconds=0.3)
    assert outcome.answered, outcome.text
    return outcome.errno


@pytest.mark.parametrize("name", WAYS)
def test_the_true_cause_is_named_and_its_change_helps(name: str) -> None:
    def work() -> None:
        with world() as made, mock.patch.object(keeper, "is_running", return_value=False):
            way = WAYS[name](made)
            assert connect(way) == way.errno
            status, found = ask(way)
            said = json.dumps(found, indent=1)
            assert status == 1, said
            assert (found["cause"], found["errno"]) == (way.cause, way.errno), said
            assert found["connects"] == (way.running is not None), said
            assert found["refused"], said
            assert way.says in said
            assert tuple(one["action"] for one in found["changes"]) == way.actions, said
            instead = found["changes"][0]["instead"]
            assert (instead or {}).get("action") == way.instead or way.instead is None, said
            if name in ("group_of_one_person", "group_of_root"):
                assert instead is None, said
            if not way.afterwards:
                return
            other = carry_out(found["changes"], made, way.wait)
            assert connect(way, other.get("path"), other.get("type")) is None, said
            if "type" in other:
                way.kind = other["type"]
            status, after = ask(way, other.get("path"))
            assert (status, after["cause"]) == (0, None), json.dumps(after, indent=1)

    alone(work)


@pytest.mark.parametrize("name", [one for one in WAYS if one not in ("wrong_type",)])
def test_the_declaration_helps(name: str) -> None:
    """What is proposed for the inventory, put into effect by a run."""

    def work() -> None:
        with world() as made, mock.patch.object(keeper, "is_running", return_value=False):
            way = WAYS[name](made)
            declaration = ask(way)[1]["declaration"]
            assert (declaration is not None) == way.declared, declaration
            if declaration is None:
                return
            (policy,) = validate(declaration["sockets"]).sockets
            converge([Task(policy, "socket_policy")], Options(prove=True, proof_seconds=5.0))
            ends = [one.endpoint.at for one in policy.allow if one.endpoint is not None]
            assert connect(way, ends[0] if ends else None) is None, declaration["yaml"]

    alone(work)


def test_a_membership_would_do_instead() -> None:
    def work() -> None:
        with world() as made:
            way = WAYS["supplementary_group"](made)
            (change,) = ask(way)[1]["changes"]
            carry_out([change["instead"]], made, None)
            assert connect(way) is None

    alone(work)


def test_what_does_not_matter_to_the_kernel() -> None:
    """A mount that is read-only, or without programs and devices, refuses nobody."""

    def work() -> None:
        with world() as made:
            made.keep(listen(PATH, 0o666))
            subprocess.run(["mount", "--bind", "/run/app", "/run/app"], check=True)
            options = "remount,bind,ro,noexec,nosuid,nodev"
            subprocess.run(["mount", "-o", options, "/run/app"], check=True)
            way = Way("", "", ())
            assert connect(way) is None
            assert ask(way)[0] == 0

    alone(work)


def test_what_permissions_allow_and_the_kernel_refuses() -> None:
    """A security module's refusal is all that is left then; here the answer is made up."""

    def work() -> None:
        with world() as made:
            made.keep(listen(PATH, 0o666))
            user = Accounts().user("alice")
            assert user is not None
            (outcome,) = prove([Attempt(PATH, user.credentials)], seconds=1)
            assert outcome.connected
            refused = type(outcome)(outcome.attempt, False, "EACCES", "no", answered=True)
            found = explain(PATH, Principal("user", "alice"), outcome=refused)
            assert found.decisive is not None
            assert (found.decisive.code, found.decisive.errno) == ("security-module", "EACCES")
            assert found.changes == ()

    alone(work)


def test_it_says_why_somebody_gets_in_who_should_not() -> None:
    def work() -> None:
        with world() as made:
            made.keep(listen(PATH, 0o666))
            found = explain(PATH, Principal("user", "alice"), keep_out=True)
            assert found.proposal is not None
            (policy,) = validate(found.proposal.sockets).sockets
            with mock.patch.object(keeper, "is_running", return_value=False):
                converge([Task(policy, "socket_policy")], Options(prove=True, proof_seconds=5.0))
            assert connect(Way("", "", ())) == "EACCES"

    alone(work)


def test_nothing_is_changed_and_nobody_is_connected() -> None:
    def work() -> None:
        with world() as made:
            one = made.keep(listen(PATH, 0o666))
            one.setblocking(False)
            before = os.stat(PATH)
            assert ask(Way("", "", ()))[0] == 0
            with pytest.raises(BlockingIOError):
                one.accept()
            after = os.stat(PATH)
            assert (before.st_ctime_ns, before.st_mode) == (after.st_ctime_ns, after.st_mode)

    alone(work)
