# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role, the action and the filter, as ansible-playbook runs them, against this machine.

It changes nothing on it.
"""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ansible.cli", reason="this is about the controller")
pytest.importorskip("jmespath", reason="only a controller's tools have it")

import yaml

from ansible_collections.unixsocket.access.plugins.action import socket_report as action
from ansible_collections.unixsocket.access.plugins.modules import socket_report as door
from unit.report import fleet
from unit.report.test_report_document import valid

ROOT = Path(__file__).resolve().parents[3]
APP = "/run/app/app.sock"
LOCAL = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
REPORT = "unixsocket.access.socket_report"


class Controller:
    """Ansible with this collection, hosts, and a directory for what it writes."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        place = directory / "tree" / "ansible_collections" / "unixsocket"
        place.mkdir(parents=True)
        (place / "access").symlink_to(ROOT)
        self.environment = {
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(directory / "tree"),
            "ANSIBLE_HOME": str(directory / "home"),
            "ANSIBLE_DEPRECATION_WARNINGS": "false",
            "LC_ALL": "C.UTF-8",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        self.environment.pop("ANSIBLE_CONFIG", None)

    def play(self, hosts: Any, tasks: Any, *arguments: str, **keys: Any) -> tuple[int, str]:
        """Run a play; return the exit status and what was printed."""
        play = {"hosts": "all", "gather_facts": False, "tasks": tasks, **keys}
        (self.directory / "play.yml").write_text(json.dumps([play]))
        return self.run("play.yml", hosts, *arguments)

    def run(self, playbook: str, hosts: Any, *arguments: str) -> tuple[int, str]:
        """Run a playbook; return the exit status and what was printed."""
        inventory = self.directory / "hosts.json"
        inventory.write_text(json.dumps({"all": {"hosts": hosts, "vars": LOCAL}}))
        done = subprocess.run(
            [sys.executable, "-m", "ansible", "playbook", *arguments, "-i", inventory, playbook],
            env=self.environment,
            cwd=self.directory,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    def report(self, name: str = "out") -> Any:
        """Return the document that was written; it is as published."""
        text = (self.directory / name / "report.json").read_text(encoding="utf-8")
        document = json.loads(text)
        valid(document)
        return document


@pytest.fixture
def controller(tmp_path: Path) -> Controller:
    return Controller(tmp_path)


def role(**variables: Any) -> Any:
    names = {f"socket_audit_{name}": value for name, value in variables.items()}
    task = {"name": "unixsocket.access.socket_audit"}
    return [
        {"ansible.builtin.include_role": task, "vars": {"socket_audit_directory": "out", **names}}
    ]


def test_the_role(controller: Controller) -> None:
    path = f"{controller.directory}/s"
    hosts = {
        "here": {},
        "wrong": {"socket_policy_sockets": {"app": {"path": "run/app.sock"}}},
        "gone": {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1},
        "bad": {"ansible_python_interpreter": "/nonexistent/python"},
    }
    failing = {"that": "length(hosts[?state != 'ok']) == `0`", "message": "Some are silent."}
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(path)
        one.listen()
        status, said = controller.play(
            hosts, role(formats=["html", "sarif", "junit"], **{"assert": [failing]}), "--check"
        )
    assert status == 2, said
    assert "Some are silent. (length(hosts[?state != 'ok']) == `0` gave false.)" in said
    for named in ("bad: failed: ", "gone: unreachable: ", "wrong: partial: "):
        assert f"\\n  {named}" in said
    document = controller.report()
    states = {host["name"]: host["state"] for host in document["hosts"]}
    assert states == {"here": "ok", "wrong": "partial", "gone": "unreachable", "bad": "failed"}
    errors = {host["name"]: host["errors"] for host in document["hosts"]}
    assert "'run/app.sock' is not an absolute path" in errors["wrong"][0]["message"]
    # Ansible says "Connection refused", or on a busy machine that nothing could be sent there.
    assert "127.0.0.1" in errors["gone"][0]["message"]
    assert "/nonexistent/python" in errors["bad"][0]["message"]
    here = next(host for host in document["hosts"] if host["name"] == "here")
    assert path in {one["socket"] for one in here["sockets"]}
    for file in ("report.json", "report.html", "report.sarif", "report.junit.xml"):
        written = controller.directory / "out" / file
        assert stat.S_IMODE(written.stat().st_mode) == 0o640
    # What fails is the assertion; every host is there to the end.
    assert "failed=1" in next(line for line in said.splitlines() if line.startswith("here"))
    for name in ("wrong", "gone", "bad"):
        recap = next(line for line in said.splitlines() if line.startswith(name))
        assert "failed=0" in recap
        assert "changed=0" in recap


def test_a_play_in_batches_is_refused_before_a_host_is_asked(controller: Controller) -> None:
    # A baseline could be the very file that the first batch replaces.
    status, said = controller.play({"one": {}, "two": {}, "three": {}}, role(), serial=2)
    assert status == 2, said
    assert "in batches by serial: this one has 2 of its 3 hosts" in said
    assert "Look at all sockets of the host" not in said
    assert not (controller.directory / "out").exists()


def test_one_batch_of_all_hosts_is_a_report(controller: Controller) -> None:
    status, said = controller.play({"one": {}, "two": {}}, role(), serial="100%")
    assert status == 0, said
    assert controller.report()["summary"]["hosts"]["ok"] == 2


def test_names_that_are_no_utf8_do_not_silence_a_host(controller: Controller) -> None:
    # Anybody may listen at such a name, and ansible-core refuses an answer that has one.
    name = f"{controller.directory}/".encode() + b"s\xff"
    abstract = b"\0" + name
    with socket.socket(socket.AF_UNIX) as one, socket.socket(socket.AF_UNIX) as other:
        for listener, bound in ((one, name), (other, abstract)):
            listener.bind(bound)
            listener.listen()
        status, said = controller.play({"here": {}}, role(formats=["html", "sarif", "junit"]))
    assert status == 0, said
    (host,) = controller.report()["hosts"]
    assert (host["state"], host["errors"]) == ("ok", [])
    listed = {found["socket"] for found in host["sockets"]}
    assert {f"{controller.directory}/s\\xff", f"@{controller.directory}/s\\xff"} <= listed


@pytest.mark.parametrize(
    "answer",
    [
        {"sockets": [{}], "findings": [], "unseen": []},
        {"sockets": 3},
        {"sockets": [], "findings": [], "unseen": [], "changes": [], "grants": {}},
        [],
    ],
)
def test_who_has_taken_over_a_host_hides_no_other(controller: Controller, answer: Any) -> None:
    """It answers whatever it likes to every module, by the interpreter that Ansible finds there."""
    evil = controller.directory / "python"
    evil.write_text(f"#!/bin/sh\ncat <<'EOF'\n{json.dumps(answer)}\nEOF\n")
    evil.chmod(0o755)
    declared = {"app": {"path": "/run/app.sock", "allow": [{"user": "root"}]}}
    hosts = {
        "evil": {"ansible_python_interpreter": str(evil), "socket_policy_sockets": declared},
        "here": {},
    }
    formats = ["html", "sarif", "junit"]
    status, said = controller.play(hosts, role(formats=formats, prove=True))
    assert status == 0, said
    states = {host["name"]: host["state"] for host in controller.report()["hosts"]}
    assert states["here"] == "ok"
    assert states["evil"] in ("failed", "partial")


def test_no_answer_of_a_host_is_a_template(controller: Controller) -> None:
    """Neither in the report, nor where the role asks a host about what it answered before."""
    text = "{{ lookup('ansible.builtin.pipe', 'touch ran') }}"
    seen = fleet.info([fleet.socket(text)], [fleet.finding("drift", "high", text, message=text)])
    declared = fleet.declared(text, text, [fleet.grant(f"user {text}", text)], [f"user {text}"])
    given = {
        "socket_info": seen,
        "socket_policy": fleet.policy(declared, changes=[text]),
        "socket_probe": {"connections": fleet.probed(text, **{text: True})["connections"]},
    }
    answers = {name: json.dumps(one) for name, one in given.items()}
    evil = controller.directory / "python"
    evil.write_text(
        f"#!{sys.executable}\nimport re, sys\n"
        "asked = re.search(rb'modules[./](socket_[a-z]+)', sys.stdin.buffer.read())[1].decode()\n"
        f"print({answers}[asked])\n"
    )
    evil.chmod(0o755)
    sockets = {"app": {"path": "/run/app.sock", "allow": [{"user": "root"}]}}
    hosts = {"evil": {"ansible_python_interpreter": str(evil), "socket_policy_sockets": sockets}}
    controller.environment["ANSIBLE_PIPELINING"] = "true"
    formats = ["html", "sarif", "junit"]
    status, said = controller.play(hosts, role(formats=formats, prove=True), "-vvv", "--diff")
    assert status == 0, said
    (host,) = controller.report()["hosts"]
    assert (host["state"], host["findings"][0]["message"]) == ("ok", text)
    assert host["declared"][0]["grants"][0]["proof"]["held"] is True
    assert not (controller.directory / "ran").exists()


def test_the_playbook_waits_for_all_hosts_whatever_the_strategy_is(controller: Controller) -> None:
    # Nothing is run once by the strategy free: who is ready first would judge a fleet that is not.
    controller.environment["ANSIBLE_STRATEGY"] = "free"
    hosts = {"here": {}, "bad": {"ansible_python_interpreter": "/nonexistent/python"}}
    variables = {
        "socket_audit_directory": "out",
        "socket_audit_assert": [{"that": "length(hosts[?state == 'ok']) == `1`"}],
        "ansible_become": False,
    }
    status, said = controller.run(
        "unixsocket.access.audit", hosts, "--extra-vars", json.dumps(variables)
    )
    assert status == 0, said
    states = {host["name"]: host["state"] for host in controller.report()["hosts"]}
    assert states == {"bad": "failed", "here": "ok"}


@pytest.mark.parametrize("that", ["length(hosts) == `3`", "length(hosts) == `0`"])
def test_a_second_audit_has_no_answer_of_the_first(controller: Controller, that: str) -> None:
    elsewhere = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}
    first = {
        "block": role(**{"assert": [{"that": that}]}),
        "rescue": [{"ansible.builtin.ping": {}}],
    }
    between = [
        {"ansible.builtin.fail": {}, "when": "inventory_hostname == 'fails'"},
        {"ansible.builtin.ping": {}, "vars": elsewhere, "when": "inventory_hostname == 'leaves'"},
    ]
    every = {"hosts": "all", "gather_facts": False}
    plays = [{**every, "tasks": tasks} for tasks in ([first], between, role(directory="again"))]
    (controller.directory / "play.yml").write_text(json.dumps(plays))
    said = controller.run("play.yml", {"here": {}, "fails": {}, "leaves": {}})[1]
    assert {host["state"] for host in controller.report()["hosts"]} == {"ok"}
    states = {host["name"]: host["state"] for host in controller.report("again")["hosts"]}
    assert states == {"here": "ok", "fails": "failed", "leaves": "failed"}, said


def test_mistakes_come_before_any_host_is_asked(controller: Controller) -> None:
    for variables, message in (
        ({"assert": [{"that": "hosts["}]}, "assertions[0].that: 'hosts[' is no valid JMESPath"),
        ({"baseline": "missing.json"}, "missing.json does not exist. Name the report.json"),
        ({"mode": "rw"}, "mode: 'rw' is no mode of a file"),
        # What a pipeline gives where its own variable is not set.
        ({"directory": ""}, "directory: it is empty; name where the report shall be"),
        # As a text the number that YAML makes of 0640 would be the mode 0416, which all can read.
        ({"mode": 0o640}, "mode: 416 is no mode of a file"),
    ):
        status, said = controller.play({"here": {}}, role(**variables))
        assert status == 2
        assert message in said
        assert "Look at all sockets" not in said
        assert not (controller.directory / "out").exists()


def test_without_jmespath(controller: Controller) -> None:
    missing = controller.directory / "without"
    missing.mkdir()
    (missing / "jmespath.py").write_text("raise ImportError('none')\n")
    controller.environment["PYTHONPATH"] = str(missing)
    status, said = controller.play({"here": {}}, role(**{"assert": [{"that": "hosts"}]}))
    assert status == 2
    assert "The Python package jmespath is missing on the controller" in said
    assert "pip install jmespath" in said
    assert "Look at all sockets" not in said


def written(**options: Any) -> Any:
    keys = ("ignore_errors", "check_mode", "register")
    task = {key: options.pop(key) for key in keys if key in options}
    return {REPORT: {"directory": "out", **options}, "run_once": True, **task}


def keep(names: list[str]) -> Any:
    content = "{{ dict(names | zip(names | map('extract', vars))) | to_json }}"
    return {
        "ansible.builtin.copy": {"content": content, "dest": "{{ playbook_dir }}/kept.json"},
        "vars": {"names": names},
        "run_once": True,
    }


def test_the_action(controller: Controller) -> None:
    """Twice the same, then with other pids, then with another mode, then in check mode."""
    hostile = "/run/{{ 7 * 7 }}.sock"
    seen = fleet.socket(APP, reach=fleet.reach("root", "app"))
    info = fleet.info([seen, fleet.socket(hostile)], [fleet.finding("drift", "high", APP)])
    policy = fleet.policy(fleet.declared("app", APP, [fleet.grant("user app", APP)]))
    proofs = fleet.proofs(fleet.probed(APP, app=True))
    names = {f"{one}_from": f"my_{one}" for one in ("sockets", "declared", "proofs")}
    other = fleet.info(
        [{**seen, "inode": 4, "connections": 2}, fleet.socket(hostile)], info["findings"]
    )
    changed = fleet.info([{**seen, "mode": "0666"}], info["findings"])
    answers = {"my_sockets": info, "my_declared": policy, "my_proofs": proofs}
    hosts = {"web1": {**answers, "my_later": other, "my_changed": changed}, "web2": {}}
    runs = ["first", "second", "moment", "mode", "checked", "failed"]
    assertions = [{"that": "hosts[0].findings[].id == `[]`", "message": "Findings."}]
    tasks = [
        written(**names, register="first"),
        written(**names, register="second"),
        written(**{**names, "sockets_from": "my_later"}, register="moment"),
        {
            "ansible.builtin.copy": {"src": "out/", "dest": "old/", "remote_src": True},
            "run_once": True,
        },
        written(
            **{**names, "sockets_from": "my_changed"}, baseline="old/report.json", register="mode"
        ),
        written(
            **names, directory="checked", formats=["junit"], check_mode=True, register="checked"
        ),
        written(**names, assertions=assertions, ignore_errors=True, register="failed"),
        keep(runs),
    ]
    status, said = controller.play(hosts, tasks)
    assert status == 0, said
    kept = json.loads((controller.directory / "kept.json").read_text())
    assert {name: kept[name]["changed"] for name in runs[:5]} == {
        "first": True,
        "second": False,
        "moment": False,
        "mode": True,
        "checked": True,
    }
    assert kept["first"]["silent"] == ["web2"]
    assert kept["first"]["summary"]["proofs"] == {"all": 1, "held": 1, "failed": 0}
    assert kept["first"]["files"].keys() == {"json", "html"}
    assert kept["checked"]["files"].keys() == {"json", "junit"}
    before = controller.report("old")
    # What a host answers is never a template.
    assert hostile in {one["socket"] for one in before["hosts"][0]["sockets"]}
    assert hostile in (controller.directory / "old" / "report.html").read_text()
    assert "was not asked" in before["hosts"][1]["errors"][0]["message"]
    assert sorted(one.name for one in (controller.directory / "checked").iterdir()) == [
        "report.json",
        "report.junit.xml",
    ]
    assert kept["failed"]["failed"] is True
    assert kept["failed"]["msg"].splitlines() == [
        "Findings. (hosts[0].findings[].id == `[]` gave false.)",
        f"The whole report is in {controller.directory}/out/report.html.",
    ]
    assert controller.report()["assertions"][0]["held"] is False


def test_what_an_earlier_report_left_is_removed(controller: Controller) -> None:
    """Beside a new report.json an old page would be taken for the same answers."""
    hosts = {"web": {"socket_audit_sockets": fleet.info([fleet.socket(APP)])}}
    every = ["html", "sarif", "junit"]
    runs = ["all", "one", "again", "foreign"]
    names = ["report.html", "report.junit.xml", "report.sarif"]
    foreign = {"report.html": "<!DOCTYPE html>\n", "report.sarif": '{"version": "2.1.0"}'}
    tasks = [
        written(formats=every, register="all"),
        written(formats=["json"], check_mode=True, register="one"),
        written(formats=["json"], register="again"),
        *[
            {
                "ansible.builtin.copy": {"dest": f"out/{name}", "content": content},
                "run_once": True,
            }
            for name, content in foreign.items()
        ],
        {
            "ansible.builtin.file": {
                "dest": "out/report.junit.xml",
                "src": "report.json",
                "state": "link",
            },
            "run_once": True,
        },
        written(formats=["json"], register="foreign"),
        keep(runs),
    ]
    status, said = controller.play(hosts, tasks, "--diff")
    assert status == 0, said
    kept = json.loads((controller.directory / "kept.json").read_text())
    out = f"{controller.directory}/out"
    assert [kept[name]["removed"] for name in runs] == [
        [],
        [f"{out}/{name}" for name in names],
        [],
        [],
    ]
    assert [kept[name]["changed"] for name in runs] == [True, True, False, False]
    assert said.count("-of an earlier report") == 3
    assert f"--- before: {out}/report.html" in said
    left = {one.name for one in (controller.directory / "out").iterdir()}
    assert left == {"report.json", *names}


def test_a_baseline_may_be_the_file_that_is_replaced(controller: Controller) -> None:
    hosts = {"web": {"socket_audit_sockets": fleet.info([fleet.socket(APP)])}}
    later = fleet.info([fleet.socket(APP, mode="0666")])
    tasks = [
        written(),
        {"ansible.builtin.set_fact": {"socket_audit_sockets": later}},
        written(baseline="out/report.json"),
    ]
    status, said = controller.play(hosts, tasks)
    assert status == 0, said
    (changed,) = controller.report()["baseline"]["sockets_changed"]
    assert changed["changes"] == [{"what": "mode", "before": "0600", "after": "0666"}]


def test_the_filter(controller: Controller) -> None:
    document = fleet.document(*fleet.fleet(4, 5))
    text = "{{ lookup('ansible.builtin.file', 'report.json') | from_json }}"
    (controller.directory / "report.json").write_text(json.dumps(document))
    asked = "hosts[?contains(findings[].id, 'world-connectable-privileged')].name"
    tasks = [
        {"ansible.builtin.set_fact": {"report": text}},
        {
            "ansible.builtin.set_fact": {
                "asked": "{{ report | unixsocket.access.query(question) }}",
                "plain": "{{ {'a': [1, 2.5, true, none, 'x']} | unixsocket.access.query('a') }}",
            },
            "vars": {"question": asked},
        },
        keep(["asked", "plain"]),
        {"ansible.builtin.debug": {"msg": "{{ report | unixsocket.access.query('hosts[') }}"}},
    ]
    status, said = controller.play({"web": {}}, tasks)
    assert status == 2
    assert "unixsocket.access.query: 'hosts[' is no valid JMESPath expression" in said
    kept = json.loads((controller.directory / "kept.json").read_text())
    assert kept == {"asked": ["node0003.example.org"], "plain": [1, 2.5, True, None, "x"]}


def test_the_documented_options_are_those_of_the_action() -> None:
    documented = yaml.safe_load(door.DOCUMENTATION)["options"]
    assert documented.keys() == action._OPTIONS.keys()
    for option, spec in action._OPTIONS.items():
        for key in ("type", "default", "choices", "elements", "required"):
            assert documented[option].get(key) == spec.get(key), (option, key)
    nested = documented["assertions"]["suboptions"]
    for option, spec in action._OPTIONS["assertions"]["options"].items():
        assert nested[option]["type"] == spec["type"]


def test_the_role_documents_the_defaults_that_it_has() -> None:
    place = ROOT / "roles" / "socket_audit"
    defaults = yaml.safe_load((place / "defaults" / "main.yml").read_text(encoding="utf-8"))
    specs = yaml.safe_load((place / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))
    options = specs["argument_specs"]["main"]["options"]
    assert {name: spec["default"] for name, spec in options.items()} == defaults
    readme = (place / "README.md").read_text(encoding="utf-8")
    for name in defaults:
        assert f"| `{name}` |" in readme
