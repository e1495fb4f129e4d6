# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The doors: options in, tasks for the engine out; what is wrong is named by its option."""

from __future__ import annotations

import errno
import importlib
import json
import os
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable

import pytest
import yaml
from ansible.module_utils import basic
from ansible.module_utils.testing import patch_module_args

from ansible_collections.unixsocket.access.plugins.module_utils import _door
from ansible_collections.unixsocket.access.plugins.module_utils._engine.converge.record import (
    Entry,
    Record,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.errors import (
    AccessError,
    Refusals,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy.types import (
    Grant,
    Principal,
    SocketPolicy,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.report import Result
from ansible_collections.unixsocket.access.plugins.module_utils._engine.task import Options, Task

MODULES = "ansible_collections.unixsocket.access.plugins.modules"
PLUGINS = Path(__file__).parents[3] / "plugins"
PATH = "/run/app/app.sock"


def _user(name: str) -> Principal:
    return Principal("user", name)


@dataclass
class Engine:
    """Stands in for converge(): remembers what it was asked, answers or raises."""

    tasks: list[Task] = field(default_factory=list)
    options: Options | None = None
    dropped: Callable[[Record], Collection[str]] = lambda record: ()
    raises: Exception | None = None
    warnings: list[str] = field(default_factory=list)

    def converge(
        self,
        tasks: Sequence[Task],
        options: Options,
        *,
        dropped: Callable[[Record], Collection[str]] = lambda record: (),
    ) -> Result:
        self.tasks, self.options, self.dropped = list(tasks), options, dropped
        if self.raises is not None:
            raise self.raises
        sockets = (
            {}
            if options.absent
            else {one.declared.name: {"path": one.declared.path, "grants": []} for one in tasks}
        )
        diff = {"before": "a", "after": "b"}
        return Result(True, ["Changed."], diff, sockets, warnings=self.warnings)


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    made = Engine()
    monkeypatch.setattr(_door, "converge", made.converge)
    return made


@pytest.fixture
def run(
    engine: Engine, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., dict[str, Any]]]:
    """Run a module with options and return what it answers."""

    def call(name: str, /, check: bool = False, **options: Any) -> dict[str, Any]:
        module = importlib.import_module(f"{MODULES}.{name}")
        internal = {"check_mode": check, "module_name": f"unixsocket.access.{name}"}
        arguments = {**options, **{f"_ansible_{key}": value for key, value in internal.items()}}
        with patch_module_args(arguments), pytest.raises(SystemExit) as ended:
            module.main()
        answer = json.loads(capsys.readouterr().out)
        assert (ended.value.code != 0) == answer.get("failed", False)
        return dict(answer)

    yield call
    monkeypatch.setattr(basic, "_ANSIBLE_ARGS", None)


def test_socket_mode(engine: Engine, run: Callable[..., dict[str, Any]]) -> None:
    answer = run(
        "socket_mode",
        path=PATH,
        type="stream",
        owner="app",
        group="web",
        mode="0640",
        members=["nginx", "bob"],
        restart_clients=True,
        trust_directories=["/run/app"],
        unit="app.service",
        born=True,
        strict=True,
        deadline=7.5,
    )
    (task,) = engine.tasks
    members = tuple(Grant(_user(one), "group", restart_clients=True) for one in ("nginx", "bob"))
    assert task.declared == SocketPolicy(
        task.declared.name,
        PATH,
        type="stream",
        owner="app",
        group="web",
        mode=0o640,
        allow=members,
        trust_directories=("/run/app",),
        unit="app.service",
        born=True,
        strict=True,
        deadline=7.5,
    )
    assert (task.holder, task.exclusive, task.adds) == (f"socket_mode {PATH}", False, False)
    assert answer["changed"] is True
    assert answer["changes"] == ["Changed."]
    assert answer["diff"] == {"before": "a", "after": "b"}
    assert answer["socket"] == {"path": PATH, "grants": []}


def test_socket_mode_by_default(engine: Engine, run: Callable[..., dict[str, Any]]) -> None:
    run("socket_mode", path=PATH)
    (task,) = engine.tasks
    assert task.declared == SocketPolicy(task.declared.name, PATH, mode=0o660)
    assert engine.options == Options(check=False, prove=True, absent=False, proof_seconds=5.0)


def test_socket_acl(engine: Engine, run: Callable[..., dict[str, Any]]) -> None:
    run(
        "socket_acl",
        path=PATH,
        entries=[
            {"user": "nginx"},
            {"group": "web", "permissions": "rw"},
            {"user": "bob", "permissions": "none"},
        ],
        open_parents=["/run/app"],
        unit="app.service",
        unit_user="quantum",
    )
    (task,) = engine.tasks
    assert task.declared.allow == (
        Grant(_user("nginx"), "acl", ("/run/app",)),
        Grant(Principal("group", "web"), "acl", ("/run/app",)),
    )
    assert task.declared.refuse == (_user("bob"),)
    assert task.declared.mode is None
    assert (task.declared.unit, task.declared.unit_user) == ("app.service", "quantum")
    assert (task.holder, task.exclusive, task.deny_all_refused, task.adds) == (
        f"socket_acl {PATH}",
        False,
        True,
        True,
    )


def test_the_name_that_files_on_the_host_carry(
    engine: Engine, run: Callable[..., dict[str, Any]]
) -> None:
    """The same on every run, different for every module and path, fit for units' names."""
    names = []
    for name in ("socket_mode", "socket_acl"):
        for path in ("/run/a/s", "/run/b/s", "/run/a/s", "/run/a/" + "ü" * 40):
            run(name, path=path)
            names.append(engine.tasks[0].declared.name)
    assert len(set(names)) == 6
    assert names[0] == names[2]
    assert all(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", one) for one in names)


def test_socket_acl_exclusive(engine: Engine, run: Callable[..., dict[str, Any]]) -> None:
    run("socket_acl", path=PATH, entries=[{"user": "nginx"}], exclusive=True)
    assert (engine.tasks[0].exclusive, engine.tasks[0].adds) == (True, False)


def test_socket_policy(engine: Engine, run: Callable[..., dict[str, Any]]) -> None:
    answer = run(
        "socket_policy",
        sockets={
            "app": {"path": PATH, "allow": [{"user": "nginx"}]},
            "db": {"path": "/run/db.sock", "refuse": ["nobody"]},
        },
    )
    assert [(task.holder, task.exclusive) for task in engine.tasks] == [
        ("socket app", True),
        ("socket db", True),
    ]
    assert set(answer["sockets"]) == {"app", "db"}
    assert list(engine.dropped(_record())) == []


def _record() -> Record:
    asked = {"socket old": 1, "socket_acl /run/x": 1, "socket_mode /run/x": 1}
    return Record({"socket:/run/x": Entry(None, None, asked)})


def test_purge_drops_what_a_policy_declared_once(
    engine: Engine, run: Callable[..., dict[str, Any]]
) -> None:
    run("socket_policy", sockets={}, purge=True)
    assert set(engine.dropped(_record())) == {"socket old"}


def test_an_empty_policy(engine: Engine, run: Callable[..., dict[str, Any]]) -> None:
    assert run("socket_policy", sockets={})["sockets"] == {}
    assert engine.tasks == []


@pytest.mark.parametrize("name", ["socket_mode", "socket_acl"])
def test_how_the_run_goes(engine: Engine, run: Callable[..., dict[str, Any]], name: str) -> None:
    answer = run(name, check=True, path=PATH, state="absent", prove=False, timeout=1.5)
    assert engine.options == Options(check=True, prove=False, absent=True, proof_seconds=1.5)
    assert "socket" not in answer


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("socket_mode", {"path": "run/app.sock"}, "Option path of run/app.sock: "),
        ("socket_mode", {"path": "@app"}, "Option path of @app: "),
        ("socket_mode", {"path": "/" + "x" * 107}, "Option path of /xxx"),
        ("socket_mode", {"path": PATH, "mode": "0999"}, f"Option mode of {PATH}: "),
        # As a text the number that YAML makes of 0660 would be the mode 0432, which lets others in.
        ("socket_mode", {"path": PATH, "mode": 0o660}, 'put it in quotes, such as "0660"'),
        ("socket_acl", {"path": PATH, "mode": 0o660}, 'put it in quotes, such as "0660"'),
        ("socket_acl", {"path": PATH, "entries": [{"user": ""}]}, "Option entries"),
        (
            "socket_acl",
            {"path": PATH, "entries": [{"user": "a"}, {"user": "a", "permissions": "none"}]},
            "Option entries",
        ),
        ("socket_acl", {"path": PATH, "entries": [{}]}, "one of the following is required"),
        (
            "socket_acl",
            {"path": PATH, "entries": [{"user": "a", "group": "b"}]},
            "mutually exclusive",
        ),
        (
            "socket_policy",
            {"sockets": {"app": {"pfad": PATH}}},
            "In the option sockets, socket app, key pfad: There is no key 'pfad'",
        ),
        (
            "socket_policy",
            {"sockets": {"app": {"path": PATH, "allow": [{"user": "x", "method": "acls"}]}}},
            "acl",
        ),
        ("socket_policy", {"sockets": {"app": {"path": PATH}, "app2": {"path": PATH}}}, "app2"),
    ],
)
def test_bad_options_never_reach_the_engine(
    engine: Engine,
    run: Callable[..., dict[str, Any]],
    name: str,
    options: dict[str, Any],
    said: str,
) -> None:
    answer = run(name, **options)
    assert answer["failed"]
    assert said in answer["msg"]
    assert "Traceback" not in answer["msg"]
    assert engine.tasks == []


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        (
            "socket_acl",
            {
                "entries": [
                    {"user": "bob", "permissions": "none"},
                    {"user": "eve"},
                    {"user": "eve", "permissions": "none"},
                ]
            },
            f"Option entries[1] of {PATH}: The user eve is allowed here and refused in entries[2]; ",
        ),
        (
            "socket_acl",
            {"entries": [{"user": "bob", "permissions": "none"}, {"user": "a b"}]},
            f"Option entries[1] of {PATH}: ",
        ),
        (
            "socket_acl",
            {"entries": [{"user": "bob"}], "open_parents": ["/srv"]},
            f"Option open_parents of {PATH}: ",
        ),
        ("socket_mode", {"members": ["bob", "a b"]}, f"Option members[1] of {PATH}: "),
        (
            "socket_mode",
            {"owner": "app", "members": ["bob", "app"]},
            f"Option members[1] of {PATH}: ",
        ),
    ],
)
def test_a_mistake_is_told_where_it_was_written(
    run: Callable[..., dict[str, Any]], name: str, options: dict[str, Any], said: str
) -> None:
    answer = run(name, path=PATH, **options)["msg"]
    assert answer.startswith(said)
    assert "allow[" not in answer
    assert "refuse[" not in answer


@pytest.mark.parametrize("seconds", [0, -1])
def test_a_proof_without_time(
    engine: Engine, run: Callable[..., dict[str, Any]], seconds: float
) -> None:
    answer = run("socket_mode", path=PATH, timeout=seconds)
    assert answer["failed"]
    assert "timeout" in answer["msg"]
    assert engine.tasks == []


@pytest.mark.parametrize(
    "error", [AccessError("This was refused."), Refusals(("One thing.", "Another thing."))]
)
@pytest.mark.parametrize("name", ["socket_mode", "socket_acl", "socket_policy"])
def test_what_the_engine_refuses_is_shown_as_it_is(
    engine: Engine, run: Callable[..., dict[str, Any]], name: str, error: Exception
) -> None:
    engine.raises = error
    options: dict[str, Any] = {"sockets": {}} if name == "socket_policy" else {"path": PATH}
    answer = run(name, **options)
    assert answer["failed"]
    assert answer["msg"] == str(error)
    assert not answer.get("changed")


@pytest.mark.parametrize(
    ("name", "told"), [("socket_mode", True), ("socket_acl", True), ("socket_policy", False)]
)
def test_advice_for_a_grant_says_whose_word_that_is(
    engine: Engine, run: Callable[..., dict[str, Any]], name: str, told: bool
) -> None:
    """Only one of the modules has grants."""
    engine.raises = AccessError("No way. Declare open_parents: [/run/app] in the grant.")
    options: dict[str, Any] = {"sockets": {}} if name == "socket_policy" else {"path": PATH}
    said = run(name, **options)["msg"]
    assert ("the module unixsocket.access.socket_policy" in said) is told
    engine.raises = AccessError("No way.")
    assert run(name, **options)["msg"] == "No way."


@pytest.mark.parametrize("name", ["socket_mode", "socket_policy"])
def test_what_the_kernel_refuses_is_no_traceback(
    engine: Engine, run: Callable[..., dict[str, Any]], name: str
) -> None:
    engine.raises = OSError(errno.ESTALE, os.strerror(errno.ESTALE), PATH)
    options: dict[str, Any] = {"sockets": {}} if name == "socket_policy" else {"path": PATH}
    answer = run(name, **options)
    assert answer["failed"]
    assert answer["msg"] == (
        f"{PATH}: Stale file handle (ESTALE); the server of that file system is gone: mount it "
        "anew, and run again."
    )


def test_warnings_come_through(
    engine: Engine, run: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    # On a controller, which the tests' process is, warn() shows the warning at once.
    monkeypatch.setattr(basic.AnsibleModule, "warn", lambda module, text: said.append(text))
    engine.warnings = ["Restart nginx.", "Log in again."]
    run("socket_mode", path=PATH)
    assert said == ["Restart nginx.", "Log in again."]


def test_a_probe_that_tries_nothing_says_so(
    run: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(basic.AnsibleModule, "warn", lambda module, text: said.append(text))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert run("socket_probe", path=PATH)["connections"] == []
    assert [text for text in said if text.startswith("Nobody is named, so nothing was tried")]


@pytest.mark.parametrize(
    "name", ["acl", "bind_mount", "gate", "info", "mode", "policy", "probe", "proxy"]
)
def test_what_is_documented_is_what_is_there(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Types, defaults and choices of the documentation are those of the argument_spec."""
    module = importlib.import_module(f"{MODULES}.socket_{name}")
    specs: list[dict[str, Any]] = []

    class Stop(Exception):
        pass

    def stop(*arguments: Any, argument_spec: dict[str, Any], **options: Any) -> None:
        specs.append(argument_spec)
        assert options["supports_check_mode"] is True
        raise Stop

    monkeypatch.setattr(module, "AnsibleModule", stop)
    with pytest.raises(Stop):
        module.main()
    text = yaml.safe_load(module.DOCUMENTATION)
    documented: dict[str, Any] = {}
    for fragment in text["extends_documentation_fragment"]:
        dummy, dummy, rest = fragment.partition("unixsocket.access.")
        file, dummy, attribute = rest.partition(".")
        source = (PLUGINS / "doc_fragments" / f"{file}.py").read_text()
        wanted = (attribute or "documentation").upper()
        found = re.search(rf'\b{wanted} = r?"""(.*?)"""', source, re.DOTALL)
        assert found, f"{fragment}: no {wanted}"
        documented |= (yaml.safe_load(found[1]) or {}).get("options", {})
    documented |= text["options"]
    assert set(documented) == set(specs[0])
    for option, spec in specs[0].items():
        for key in ("type", "default", "choices", "elements", "required"):
            default = "str" if key == "type" else None
            assert documented[option].get(key, default) == spec.get(key, default), (option, key)


def test_every_module_of_the_action_group_takes_what_its_default_may_be() -> None:
    # A default of the group is given to all of it, and a module that does not know it fails.
    runtime = yaml.safe_load((PLUGINS.parent / "meta" / "runtime.yml").read_text())
    (group,) = runtime["action_groups"].values()
    fragments = {
        path.stem: yaml.safe_load(
            importlib.import_module(f"{MODULES}.{path.stem}").DOCUMENTATION
        ).get("extends_documentation_fragment", [])
        for path in (PLUGINS / "modules").glob("*.py")
    }
    run = {name for name, those in fragments.items() if "unixsocket.access._run" in those}
    said = {name for name, those in fragments.items() if any("actiongroup" in one for one in those)}
    assert len(run) == 6
    assert set(group) == said == run


@pytest.mark.parametrize(
    "name",
    ["mode", "acl", "proxy", "bind_mount", "gate", "policy"],
)
def test_what_every_result_carries_is_documented(name: str) -> None:
    module = importlib.import_module(f"{MODULES}.socket_{name}")
    returned = yaml.safe_load(module.RETURN)
    assert {"changes", "diff"} <= set(returned)
    assert set(returned["diff"]["contains"]) == {"before", "after"}
