# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What hosts answered, as one document: complete, as published, and judged."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("jinja2", reason="the report is made on the controller, which has it")
pytest.importorskip("jsonschema", reason="only a controller's tools have it")

import jsonschema
import yaml

from ansible_collections.unixsocket.access.plugins.module_utils._engine.endpoints import (
    take_apart,
    unit_of,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy import (
    Endpoint,
    Grant,
    Principal,
    SocketPolicy,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.task import Task
from ansible_collections.unixsocket.access.plugins.plugin_utils import _report
from ansible_collections.unixsocket.access.plugins.plugin_utils._report import document as module
from unit.report import fleet

ROOT = Path(__file__).resolve().parents[3]
SCHEMA = json.loads((ROOT / "docs" / "report.schema.json").read_text(encoding="utf-8"))
APP = "/run/app/app.sock"


def closed(schema: Any) -> Any:
    """Return the schema so that it refuses keys that it does not describe."""
    if isinstance(schema, dict):
        made = {key: closed(value) for key, value in schema.items()}
        if "properties" in made and made.get("type") == "object":
            made["additionalProperties"] = False
        return made
    return [closed(one) for one in schema] if isinstance(schema, list) else schema


def valid(document: Any) -> None:
    validator = jsonschema.Draft202012Validator
    validator.check_schema(SCHEMA)
    validator(closed(SCHEMA), format_checker=validator.FORMAT_CHECKER).validate(document)


def entry(*answers: Any) -> Any:
    return fleet.host("web1", *answers)


def ids(host: Any) -> list[tuple[str, str, str]]:
    return [(one["severity"], one["id"], one["socket"]) for one in host["findings"]]


def test_the_schema_describes_every_key() -> None:
    document = fleet.document(*fleet.fleet(24, 35))
    assert {host["state"] for host in document["hosts"]} == {"ok", "partial", "unreachable"}
    document = _report.with_baseline(document, fleet.document(*fleet.fleet(23, 30)))
    document["assertions"] = _report.judged(
        document, _report.check([{"that": "hosts[0].name", "message": "No host."}], "here")
    )
    assert document["baseline"]["sockets_new"]
    valid(document)
    valid(json.loads("".join(_report.as_json(document))))


@pytest.mark.parametrize("key", ["generated", "collection", "hosts"])
def test_the_schema_refuses_what_is_incomplete(key: str) -> None:
    document = fleet.document(*fleet.fleet(2))
    del document[key]
    with pytest.raises(jsonschema.ValidationError):
        valid(document)


def test_the_schema_refuses_what_is_wrong() -> None:
    document = fleet.document(*fleet.fleet(2))
    document["hosts"][0]["findings"][0]["severity"] = "awful"
    with pytest.raises(jsonschema.ValidationError):
        valid(document)


def test_the_version_is_that_of_the_collection() -> None:
    galaxy = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))
    assert f"{galaxy['namespace']}.{galaxy['name']}" == module.COLLECTION
    assert galaxy["version"] == module.VERSION


@pytest.mark.parametrize(
    ("answer", "state", "message"),
    [
        (None, "failed", "This host was not asked"),
        ({"unreachable": True, "msg": "No route."}, "unreachable", "No route."),
        ({"failed": True, "msg": "It broke."}, "failed", "It broke."),
        ({"failed": True, "msg": "It broke.", "module_stderr": "sh: no"}, "failed", "sh: no"),
        ({"failed": True, "msg": "y" * 9000}, "failed", "y" * 100),
        ({"skipped": True}, "failed", "The task was skipped."),
        ({}, "failed", "The task gave no reason."),
    ],
)
def test_hosts_without_an_answer(answer: Any, state: str, message: str) -> None:
    host = entry(answer)
    assert (host["state"], host["sockets"], host["declared"]) == (state, [], None)
    (error,) = host["errors"]
    assert error["step"] == "sockets"
    assert message in error["message"]
    assert len(error["message"]) <= 4000
    document = fleet.document(host)
    valid(document)
    assert document["summary"]["hosts"][state] == 1
    assert document["summary"]["hosts"]["ok"] == 0


def test_a_host_without_a_declaration() -> None:
    for policy in (None, {"skipped": True, "changed": False}):
        host = entry(fleet.info([fleet.socket(APP)]), policy, {"skipped": True})
        assert (host["state"], host["declared"], host["errors"]) == ("ok", None, [])


@pytest.mark.parametrize("flag", ["failed", "unreachable"])
def test_a_declaration_that_cannot_be_compared(flag: str) -> None:
    host = entry(fleet.info([fleet.socket(APP)]), {flag: True, "msg": "User bob is unknown."})
    assert (host["state"], host["declared"]) == ("partial", None)
    assert host["errors"] == [{"step": "declaration", "message": "User bob is unknown."}]
    assert len(host["sockets"]) == 1
    valid(fleet.document(host))


def granted(reach: Any, principal: str, proofs: Any = None, method: str = "acl") -> Any:
    """Return what a report says of one grant, and the host."""
    sockets = [] if reach is None else [fleet.socket(APP, reach=reach)]
    policy = fleet.policy(fleet.declared("app", APP, [fleet.grant(principal, APP, method)]))
    host = entry(fleet.info(sockets), policy, proofs)
    valid(fleet.document(host))
    return host["declared"][0]["grants"][0], host


@pytest.mark.parametrize(
    ("reach", "principal", "can"),
    [
        (fleet.reach("root", "app"), "user app", True),
        (fleet.reach("root"), "user app", False),
        (fleet.reach("root", groups=["app"]), "group app", True),
        (fleet.reach("root", "app"), "group app", False),
        (fleet.everyone(), "user app", True),
        (fleet.everyone("app"), "user app", False),
        (fleet.reach("root"), "user 1000", None),
        (None, "user app", None),
    ],
)
def test_whether_permissions_let_a_grant_through(reach: Any, principal: str, can: Any) -> None:
    assert granted(reach, principal)[0]["can_connect"] is can


def test_a_grant_at_a_mounted_endpoint() -> None:
    at = "/srv/app.sock"
    sockets = [fleet.socket(APP, reach=fleet.reach("root", "app"), mounted_at=[at])]
    policy = fleet.policy(fleet.declared("app", APP, [fleet.grant("user app", at, "bind_mount")]))
    assert entry(fleet.info(sockets), policy)["declared"][0]["grants"][0]["can_connect"] is True


def test_proofs() -> None:
    reach = fleet.reach("root", "app")
    grant, host = granted(reach, "user app", fleet.proofs(fleet.probed(APP, app=True)))
    assert grant["proof"] == {
        "expected": "connected",
        "result": "connected",
        "held": True,
        "message": f"app connected to {APP}.",
    }
    assert host["findings"] == []
    grant, host = granted(reach, "user app", fleet.proofs(fleet.probed(APP, app=False)))
    assert (grant["proof"]["held"], grant["proof"]["result"]) == (False, "EACCES")
    assert ids(host) == [("medium", "grant-failed", APP)]
    summary = fleet.document(host)["summary"]
    assert summary["proofs"] == {"all": 1, "held": 0, "failed": 1}


def test_a_connection_that_proves_nothing() -> None:
    asked = fleet.probed(APP, app=False)
    asked["connections"][0].update(refused=False, errno="ENOENT")
    grant, host = granted(fleet.reach("root"), "user app", fleet.proofs(asked))
    assert (grant["proof"]["held"], grant["proof"]["result"]) == (None, "ENOENT")
    assert host["findings"] == []


def test_a_probe_that_failed() -> None:
    broken = {"failed": True, "msg": "User bob is unknown.", "item": {"path": APP}}
    grant, host = granted(fleet.reach("root"), "user bob", fleet.proofs(broken))
    assert grant["proof"] is None
    assert host["state"] == "partial"
    assert host["errors"] == [{"step": "proof", "message": "User bob is unknown."}]


def test_refusals() -> None:
    sockets = [fleet.socket(APP, reach=fleet.reach("root", "bob"))]
    policy = fleet.policy(fleet.declared("app", APP, [], ["user bob", "user eve"]))
    proofs = fleet.proofs(fleet.probed(APP, bob=True, eve=False))
    host = entry(fleet.info(sockets), policy, proofs)
    bob, eve = host["declared"][0]["refused"]
    assert (bob["can_connect"], bob["proof"]["held"]) == (True, False)
    assert (eve["can_connect"], eve["proof"]["held"]) == (False, True)
    assert ids(host) == [("high", "refusal-failed", APP)]


def test_a_gate_refuses_after_the_connection() -> None:
    sockets = [fleet.socket(APP, reach=fleet.everyone())]
    grants = [fleet.grant("user app", APP, "gate")]
    policy = fleet.policy(fleet.declared("app", APP, grants, ["user bob"]))
    host = entry(fleet.info(sockets), policy, fleet.proofs(fleet.probed(APP, bob=True, app=True)))
    (bob,) = host["declared"][0]["refused"]
    assert (bob["can_connect"], bob["proof"]["held"]) == (None, None)
    assert host["declared"][0]["grants"][0]["proof"]["held"] is True
    assert host["findings"] == []


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (f"{APP}: user:www-data changes from no entry to rw-.", True),
        (
            "The unit file /etc/systemd/system/app.service.d/50-socket-access-app.conf is made.",
            True,
        ),
        ("/etc/socket-access/app.json is made.", True),
        ("/run/app/app.sock.old: the mode changes.", False),
        ("The engine in /usr/local/lib/socket-access is installed.", False),
    ],
)
def test_what_the_inventory_declares_otherwise(change: str, found: bool) -> None:
    policy = fleet.policy(fleet.declared("app", APP, []), changes=[change])
    host = entry(fleet.info([fleet.socket(APP)]), policy)
    assert host["changes"] == [change]
    assert ids(host) == ([("medium", "inventory-drift", APP)] if found else [])
    assert not found or change in host["findings"][0]["message"]
    assert fleet.document(host)["summary"]["differing"] == 1


@pytest.mark.parametrize(
    ("unit", "found"), [("{}", True), ("{}.service", True), ("app.other-00000000", False)]
)
def test_a_unit_of_an_endpoint_that_is_not_as_declared(unit: str, found: bool) -> None:
    at = "/run/other/app.sock"
    endpoint = Grant(Principal("user", "app"), "gate", endpoint=Endpoint(at))
    ((place, dummy),) = take_apart(Task(SocketPolicy("app", APP, allow=(endpoint,)), "")).served
    name = unit_of(place) if unit == "{}" else f"socket-access-gate-{unit.format(place.name)}"
    grants = [fleet.grant("user app", at, "gate")]
    changes = [f"Unit {name} is started anew, because nobody listens at its path any more."]
    policy = fleet.policy(fleet.declared("app", APP, grants), changes=changes)
    host = entry(fleet.info([fleet.socket(APP)]), policy)
    assert ids(host) == ([("medium", "inventory-drift", APP)] if found else [])


def test_a_gate_that_runs_a_command_and_is_not_as_declared() -> None:
    change = "Unit socket-access-gate-app.socket is started."
    policy = fleet.policy(fleet.declared("app", APP, []), changes=[change])
    host = entry(fleet.info([fleet.socket(APP)]), policy)
    assert ids(host) == [("medium", "inventory-drift", APP)]


def test_what_the_host_itself_reports_is_said_once() -> None:
    policy = fleet.policy(fleet.declared("app", APP, []), changes=[f"{APP}: the mode changes."])
    findings = [fleet.finding("drift", "medium", APP)]
    assert ids(entry(fleet.info([fleet.socket(APP)], findings), policy)) == [
        ("medium", "drift", APP)
    ]


def test_hosts_are_sorted_and_findings_too() -> None:
    findings = [
        fleet.finding("b", "low", "/x"),
        fleet.finding("z", "high", "/x"),
        fleet.finding("a", "low", "/x"),
    ]
    document = fleet.document(
        fleet.host("b", fleet.info([], findings)), fleet.host("a", fleet.info([]))
    )
    assert [host["name"] for host in document["hosts"]] == ["a", "b"]
    assert [one["id"] for one in document["hosts"][1]["findings"]] == ["z", "a", "b"]
    assert document["summary"]["findings"] == {"all": 3, "high": 1, "medium": 0, "low": 2}


def test_what_tells_documents_apart() -> None:
    first = fleet.document(*fleet.fleet(4))
    later = copy.deepcopy(first)
    later["generated"] = "2027-01-01T00:00:00Z"
    seen = later["hosts"][0]["sockets"][0]
    seen.update(inode=7, connections=3, processes=[], connected=[fleet.process(1)])
    assert _report.told_apart(first) == _report.told_apart(later)
    for key, value in (("mode", "0606"), ("reach", fleet.reach("eve")), ("unit", "x.service")):
        other = copy.deepcopy(first)
        other["hosts"][0]["sockets"][0][key] = value
        assert _report.told_apart(first) != _report.told_apart(other)
    failed = {**first, "assertions": [{"held": False}]}
    assert _report.told_apart(first) != _report.told_apart(failed)


def test_the_text_is_json_with_a_line_for_each_socket(tmp_path: Path) -> None:
    hostile = 'a\n"</script>\udc80ü'
    sockets = [fleet.socket(f"/run/{hostile}"), fleet.socket(APP)]
    document = fleet.document(fleet.host("b", fleet.info(sockets)), fleet.host("c"))
    text = "".join(_report.as_json(document))
    assert text.isascii()
    assert json.loads(text) == document
    assert sum('"socket": "/run/' in line for line in text.splitlines()) == 2
    assert json.loads("".join(_report.as_json(fleet.document()))) == fleet.document()


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "report.json"
    _report.replaced(str(path), ["a", "b\udc80"], 0o640)
    assert path.read_bytes() == b"ab\\udc80"
    assert path.stat().st_mode & 0o7777 == 0o640

    def broken() -> Any:
        yield "half"
        raise _report.ReportError("No more.")

    with pytest.raises(_report.ReportError, match="No more"):
        _report.replaced(str(path), broken(), 0o640)
    assert path.read_bytes() == b"ab\\udc80"
    assert [one.name for one in path.parent.iterdir()] == ["report.json"]


def test_a_directory_that_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(_report.ReportError, match=r"file/report\.json cannot be written: "):
        _report.replaced(str(tmp_path / "file" / "report.json"), [], 0o640)
