# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each way to be refused: the true cause is named, and what is proposed lets in, for real."""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine import making
from ansible_collections.unixsocket.access.plugins.module_utils._engine.diagnose import described
from ansible_collections.unixsocket.access.plugins.module_utils._engine.errors import AccessError
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.accounts import (
    Accounts,
    HostNames,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.account import (
    Credentials,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy import (
    Principal,
    validate,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.probe import (
    CONNECTS,
    REFUSED,
    Question,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.probe import ask as probe
from ansible_collections.unixsocket.access.plugins.module_utils._engine.prove import Attempt, prove
from ansible_collections.unixsocket.access.plugins.module_utils._engine.run import converge
from ansible_collections.unixsocket.access.plugins.module_utils._engine.runtime import (
    command,
    policies,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.strangers import (
    stranger_here,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.task import Options, Task
from ansible_collections.unixsocket.access.plugins.module_utils._engine.why import explain
from kernel.conftest import PROTECTED_SYMLINKS
from kernel.explain.ways import PATH, WAYS, Way
from kernel.explain.world import (
    ALICE,
    BOB,
    CREW,
    alone,
    carry_out,
    client,
    directory,
    fresh_client,
    listen,
    world,
)
from kernel.hosts import become, ended, fork, mount, mount_with_two_devices
from kernel.trees import GIDS, UIDS, grow

TREES = int(os.environ.get("EXPLAIN_TREES") or 60)
DOCUMENTED = (Path(__file__).parents[3] / "docs/explain.md").read_text(encoding="utf-8")


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
        with world() as made, mock.patch.object(making, "is_running", return_value=False):
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
            if name in ("group_of_one_person", "powerful_group", "group_of_a_declared_client"):
                assert instead is None, said
            for word in (way.cause, *way.actions):
                assert f"`{word}`" in DOCUMENTED, word
            if not way.afterwards:
                return
            other = carry_out(found["changes"], made, way.wait)
            assert connect(way, other.get("path"), other.get("type")) is None, said
            if "type" in other:
                way.kind = other["type"]
            status, after = ask(way, other.get("path"))
            assert (status, after["cause"]) == (0, None), json.dumps(after, indent=1)

    alone(work)


@pytest.mark.parametrize("name", WAYS)
def test_the_declaration_helps(name: str) -> None:
    """What is proposed for the inventory, put into effect by a run: it lets in nobody else."""

    def work() -> None:
        with world() as made, mock.patch.object(making, "is_running", return_value=False):
            way = WAYS[name](made)
            declaration = ask(way)[1]["declaration"]
            assert (declaration is not None) == way.declared, declaration
            if declaration is None:
                return
            (policy,) = validate(declaration["sockets"]).sockets
            before = _others(way)
            converge([Task(policy, "socket_policy")], Options(prove=True, proof_seconds=5.0))
            # Where nothing can be told apart by entries, the group gets in as a whole.
            assert _others(way) - before == ({CREW} if name == "without_acls" else set())
            ends = [one.endpoint.at for one in policy.allow if one.endpoint is not None]
            assert connect(way, ends[0] if ends else None) is None, declaration["yaml"]

    alone(work)


def _others(way: Way) -> set[int]:
    """Return the groups of those who get in besides: a user, a member of a group, somebody."""
    nobody = stranger_here()
    who = [Credentials(BOB, BOB), Credentials(nobody.uid, CREW), nobody]
    outcomes = prove([Attempt(way.path, one, way.kind) for one in who], seconds=0.3)
    return {one.gid for one, outcome in zip(who, outcomes) if outcome.connected}


def test_a_membership_would_do_instead() -> None:
    def work() -> None:
        with world() as made:
            way = WAYS["supplementary_group"](made)
            (change,) = ask(way)[1]["changes"]
            carry_out([change["instead"]], made, None)
            assert connect(way) is None

    alone(work)


def test_random_trees(rng: random.Random) -> None:
    """Whatever is on the way: the error is the kernel's, and all changes together let in."""

    def work() -> None:
        # Names for the ids that the trees are made with.
        with open("/etc/passwd", "a", encoding="ascii") as file:
            for uid in UIDS[:3]:
                file.write(f"u{uid}:x:{uid}:{rng.choice(GIDS)}::/:/bin/sh\n")
        with open("/etc/group", "a", encoding="ascii") as file:
            for gid in GIDS:
                members = [f"u{uid}" for uid in UIDS[:3] if rng.random() < 0.3]
                file.write(f"g{gid}:x:{gid}:{','.join(members)}\n")
        causes: Counter[str] = Counter()
        helped = 0
        for number in range(TREES):
            tree = grow(Path("/run"), f"t{number}", rng)
            user = f"u{rng.choice(UIDS[:3])}"
            account = Accounts().user(user)
            assert account is not None
            attempt = Attempt(tree.path, account.credentials)
            (outcome,) = prove([attempt], seconds=5)
            found = explain(tree.path, Principal("user", user))
            decisive = found.decisive
            said = json.dumps(described(found, HostNames()), indent=1)
            assert (None if decisive is None else decisive.errno) == outcome.errno, said
            causes["" if decisive is None else decisive.code] += 1
            if found.changes and tree.listener and all(one.commands for one in found.changes):
                for one in found.changes:
                    for words in one.commands:
                        subprocess.run(words, check=True, capture_output=True)
                (outcome,) = prove([attempt], seconds=5)
                assert outcome.connected, f"{outcome.text}\n{said}"
                helped += 1
            if tree.listener is not None:
                tree.listener.close()
        assert helped
        print(f"{TREES} trees, {helped} times the commands helped, {dict(causes)}")

    alone(work)


def test_a_failed_probe_says_all_of_it() -> None:
    def work() -> None:
        with world() as made:
            way = WAYS["stale_mount"](made)
            questions = [Question(Principal("user", "alice"), CONNECTS)]
            (answer,) = probe(way.path, questions, kind=None, send=None, expect=None, seconds=1)
            assert not answer.held
            told = answer.as_dict()
            assert (told["cause"], told["errno"]) == (way.cause, way.errno)
            carry_out(told["changes"], made, None)
            assert way.says in answer.failure()
            (answer,) = probe(way.path, questions, kind=None, send=None, expect=None, seconds=1)
            assert (answer.held, answer.explanation) == (True, ())

    alone(work)


def test_a_probe_of_a_group_is_about_the_group() -> None:
    """What is proposed is an entry for the group, and a grant for it."""

    def work() -> None:
        with world() as made:
            directory("/run/app", 0o700)
            made.keep(listen(PATH, 0o600))
            questions = [Question(Principal("group", "crew"), CONNECTS)]

            def told() -> dict[str, Any]:
                (one,) = probe(PATH, questions, kind=None, send=None, expect=None, seconds=1)
                return one.as_dict()

            first = told()
            (grant,) = first["declaration"]["app"]["allow"]
            assert grant == {"group": "crew", "open_parents": ["/run/app"]}
            assert [one["commands"][0][2] for one in first["changes"]] == ["g:crew:x", "g:crew:rw"]
            carry_out(first["changes"], made, None)
            assert told()["held"]

    alone(work)


def test_somebody_who_gets_in_and_should_not_is_explained() -> None:
    def work() -> None:
        with world() as made:
            made.keep(listen(PATH, 0o666))
            questions = [Question(Principal("user", "alice"), REFUSED)]
            (answer,) = probe(PATH, questions, kind=None, send=None, expect=None, seconds=1)
            assert "by the bits of all others" in answer.failure()
            assert answer.as_dict()["declaration"]["app"]["refuse"] == ["alice"]

    alone(work)


def test_what_is_missing_everywhere_is_told_once() -> None:
    """A process with other mounts, in which the path is missing as well, is no news."""

    def work() -> None:
        with world() as made:
            directory("/run/app")
            unit = made.unit("shop.service")
            made.run(
                unit,
                lambda: fresh_client(
                    "alice", unit=unit, inside=lambda: mount("tmpfs", Path("/run"))
                ),
            )
            way = Way("missing", "ENOENT", ())
            status, found = ask(way)
            assert (status, found["cause"], found["processes"]) == (1, "missing", [])
            made.keep(listen(PATH, 0o666))
            status, found = ask(way)
            assert (status, found["connects"], found["cause"]) == (1, True, "mount-namespace")

    alone(work)


def test_roots_processes_in_sandboxes_do_not_count() -> None:
    def work() -> None:
        with world() as made:
            made.keep(listen(PATH, 0o666))
            unit = made.unit("sandbox.service")

            def hidden() -> None:
                mount("tmpfs", Path("/run"))

            made.run(unit, lambda: client(0, (), 0, unit=unit, inside=hidden))
            status, found = ask(Way("", "", (), user="root"))
            (one,) = [
                one
                for one in found["processes"]
                if one["processes"][0]["pid"] == made.clients[unit].pid
            ]
            assert (one["cause"], one["errno"]) == ("mount-namespace", "ENOENT")
            assert (status, found["cause"], found["changes"]) == (0, None, [])
            assert any("of root in a container or a sandbox" in note for note in found["notes"])

    alone(work)


def test_a_file_system_with_two_devices() -> None:
    """A process with mounts of its own finds the same socket there, and somebody listens at it."""

    def work() -> None:
        with world() as made:
            mount_with_two_devices(Path(directory("/run/app")))
            made.keep(listen(PATH, 0o666))
            unit = made.unit("shop.service")
            made.run(unit, lambda: fresh_client("alice", unit=unit, inside=lambda: None))
            assert made.clients[unit].connect(PATH) is None
            status, found = ask(Way("", "", ()))
            assert (status, found["processes"]) == (0, [])
            status, found = ask(Way("", "", (), path="/run/app/ap.sock"))
            (change,) = found["changes"]
            assert (change["action"], change["value"]) == ("use-path", PATH)

    alone(work)


def test_one_that_is_refused_for_its_own_mounts_is_named() -> None:
    """The socket is the same one, and a directory on the way is another, which is closed."""

    def work() -> None:
        with world() as made:
            made.keep(listen(PATH, 0o666))
            unit = made.unit("shop.service")

            def inside() -> None:
                Path("/mnt/kept").touch()
                subprocess.run(["mount", "--bind", PATH, "/mnt/kept"], check=True)
                mount("tmpfs", Path("/run/app"), "mode=700")
                Path(PATH).touch()
                subprocess.run(["mount", "--move", "/mnt/kept", PATH], check=True)

            made.run(unit, lambda: fresh_client("alice", unit=unit, inside=inside))
            assert made.clients[unit].connect(PATH) == "EACCES"
            status, found = ask(Way("", "", ()))
            assert (status, found["connects"], found["cause"]) == (1, True, "search-other")
            assert f"(pid {made.clients[unit].pid}, {unit}): " in found["reason"]
            # The directory of that name on the host is another one, and stays as it is.
            carry_out(found["changes"], made, None)
            assert made.clients[unit].connect(PATH) is None
            assert os.stat("/run/app").st_mode & 0o777 == 0o755
            assert ask(Way("", "", ()))[0] == 0

    alone(work)


def test_who_may_not_look_there_is_told_in_words() -> None:
    def work() -> None:
        directory("/run/app", 0o700)
        reading, writing = os.pipe()

        def as_alice() -> None:
            become(ALICE, ALICE, ())
            said = io.StringIO()
            with contextlib.redirect_stderr(said):
                assert command.main(["explain", PATH, "alice"]) == 2
            os.write(writing, said.getvalue().encode())

        assert ended(fork(as_alice)) == 0
        said = os.read(reading, 4096).decode()
        assert f"{PATH} cannot be looked at (Permission denied); run this as root" in said

    alone(work)


def test_a_proof_can_be_asked_for() -> None:
    def work() -> None:
        with world() as made:
            one = made.keep(listen(PATH, 0o666))
            said = io.StringIO()
            with contextlib.redirect_stdout(said):
                assert command.main(["explain", "--json", "--prove", PATH, "alice"]) == 0
            proof = json.loads(said.getvalue())["proof"]
            assert (proof["connected"], proof["errno"], proof["type"]) == (True, None, "stream")
            one.setblocking(False)
            one.accept()[0].close()

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
            with mock.patch.object(making, "is_running", return_value=False):
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


def test_an_answer_where_a_damaged_record_keeps_what_is_declared() -> None:
    refused = AccessError("The record cannot be understood.")
    with mock.patch.object(policies, "names", side_effect=refused):
        answer = explain("/dev/null", Principal("user", "root"))
    assert str(refused) in answer.notes
    load = mock.patch.object(policies, "load", side_effect=refused)
    with load, mock.patch.object(policies, "names", return_value=["app"]):
        answer = explain("/dev/null", Principal("user", "root"))
    assert str(refused) in answer.notes
