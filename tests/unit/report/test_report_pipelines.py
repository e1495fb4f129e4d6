# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""SARIF and JUnit: what those who read them insist on."""

from __future__ import annotations

import json
import re
from typing import Any
from xml.etree import ElementTree

import pytest

pytest.importorskip("jinja2", reason="the report is made on the controller, which has it")
pytest.importorskip("jsonschema", reason="only a controller's tools have it")

import jsonschema

from ansible_collections.unixsocket.access.plugins.plugin_utils import _report
from unit.report import fleet

HOSTILE = "/run/a b\"'<&>]]>\x00\x1b\n\udcff\ud83d\uffff.sock"

# What the schema of SARIF 2.1.0 (OASIS, sarif-schema-2.1.0.json) requires of the objects used here,
# and what GitHub's code scanning adds: a physical location, and a fingerprint.
LEVEL = {"enum": ["none", "note", "warning", "error"]}
MESSAGE = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}}


def sarif_object(**properties: Any) -> Any:
    return {
        "type": "object",
        "required": list(properties),
        "properties": properties,
        "additionalProperties": False,
    }


RULE = sarif_object(
    id={"type": "string"},
    shortDescription=MESSAGE,
    helpUri={"type": "string", "format": "uri"},
    defaultConfiguration=sarif_object(level=LEVEL),
    properties={"type": "object", "properties": {"tags": {"type": "array", "uniqueItems": True}}},
)
LOCATION = sarif_object(
    physicalLocation=sarif_object(
        artifactLocation=sarif_object(uri={"type": "string", "format": "uri-reference"}),
        region=sarif_object(startLine={"type": "integer", "minimum": 1}),
    ),
    logicalLocations={
        "type": "array",
        "uniqueItems": True,
        "items": sarif_object(name={"type": "string"}, fullyQualifiedName={"type": "string"}),
    },
)
RESULT = sarif_object(
    ruleId={"type": "string"},
    ruleIndex={"type": "integer", "minimum": 0},
    level=LEVEL,
    message=MESSAGE,
    locations={"type": "array", "minItems": 1, "items": LOCATION},
    partialFingerprints={"type": "object", "additionalProperties": {"type": "string"}},
)
RESULT["properties"]["baselineState"] = {"enum": ["new", "unchanged", "updated", "absent"]}
INVOCATION = sarif_object(
    executionSuccessful={"type": "boolean"},
    endTimeUtc={"type": "string", "format": "date-time"},
    toolExecutionNotifications={
        "type": "array",
        "items": sarif_object(level=LEVEL, message=MESSAGE),
    },
)
DRIVER = sarif_object(
    name={"type": "string"},
    semanticVersion={"type": "string"},
    informationUri={"type": "string", "format": "uri"},
    rules={"type": "array", "uniqueItems": True, "items": RULE},
)
RUN = sarif_object(
    tool=sarif_object(driver=DRIVER),
    invocations={"type": "array", "items": INVOCATION},
    results={"type": "array", "items": RESULT},
)
LOG = {
    "type": "object",
    "required": ["version", "runs"],
    "properties": {"version": {"const": "2.1.0"}, "runs": {"type": "array", "items": RUN}},
}


def document(*, baseline: bool = False) -> Any:
    findings = [
        fleet.finding("dead-socket", "low", HOSTILE, message=HOSTILE, remedy=HOSTILE),
        fleet.finding("drift", "medium", "@abstract"),
        fleet.finding("dead-socket", "medium", "/run/b.sock"),
    ]
    hosts = [
        fleet.host("web1", fleet.info([], findings)),
        fleet.host("web2", fleet.info([], findings[1:2])),
        fleet.host("web3", {"unreachable": True, "msg": HOSTILE}),
    ]
    made = fleet.document(*hosts)
    if baseline:
        before = fleet.host("web1", fleet.info([], findings[:1]))
        made = _report.with_baseline(made, fleet.document(before))
    asserted = [
        {"that": "hosts[9]", "message": HOSTILE},
        {"that": "hosts[0]", "message": "One."},
        {"that": "length(hosts[].findings[?severity == 'low'][]) == `0`", "message": "Low."},
    ]
    made["assertions"] = _report.judged(made, _report.check(asserted, "x"))
    return made


def test_sarif_is_as_the_standard_wants_it() -> None:
    validator = jsonschema.Draft202012Validator
    for baseline in (False, True):
        log = _report.sarif(document(baseline=baseline))
        validator(LOG, format_checker=validator.FORMAT_CHECKER).validate(log)
        json.dumps(log).encode("ascii")
        (run,) = log["runs"]
        rules = run["tool"]["driver"]["rules"]
        names = [rule["id"] for rule in rules]
        assert len(names) == len(set(names))
        for result in run["results"]:
            assert names[result["ruleIndex"]] == result["ruleId"]
            assert ("baselineState" in result) == baseline
            result["message"]["text"].encode("utf-8")
        prints = [result["partialFingerprints"]["finding/v1"] for result in run["results"]]
        assert len(prints) == len(set(prints)) == 6


def test_what_sarif_says() -> None:
    (run,) = _report.sarif(document(baseline=True))["runs"]
    rows = [
        (
            one["ruleId"],
            one["level"],
            one["baselineState"],
            one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"],
        )
        for one in run["results"]
    ]
    drift, dead, low = rows[1], rows[0], rows[2]
    assert drift == ("drift", "warning", "new", "web1/@abstract")
    assert dead == ("dead-socket", "warning", "new", "web1/run/b.sock")
    assert low[:3] == ("dead-socket", "note", "unchanged")
    assert low[3].startswith("web1/run/a%20b%22%27%3C%26%3E")
    assert rows[-1][:2] == ("assertion", "error")
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is False
    assert len(invocation["toolExecutionNotifications"]) == 1
    levels = {
        rule["id"]: rule["defaultConfiguration"]["level"] for rule in run["tool"]["driver"]["rules"]
    }
    assert levels == {"dead-socket": "warning", "drift": "warning", "assertion": "error"}


def test_no_name_is_a_link_or_a_placeholder_of_sarif() -> None:
    """Sections 3.11.5 and 3.11.6; viewers make links of any scheme, javascript: included."""
    name = "/run/[mend it here](https:/evil.example/) {0} [[a](javascript:b)] {{1} \\[c](0)"
    findings = [fleet.finding("drift", "low", name, message=name, remedy=name)]
    hosts = [
        fleet.host("web1", fleet.info([], findings)),
        fleet.host("web2", {"unreachable": True, "msg": name}),
    ]
    made = fleet.document(*hosts)
    made["assertions"] = [
        {
            "that": "a",
            "message": name,
            "held": False,
            "gave": None,
            "error": None,
            "broken_by": [],
        }
    ]
    (run,) = _report.sarif(made)["runs"]
    messages = [one["message"]["text"] for one in run["results"]]
    messages += [
        one["message"]["text"] for one in run["invocations"][0]["toolExecutionNotifications"]
    ]
    assert len(messages) == 3
    for text in messages:
        assert not re.search(r"\]\(", text)
        assert not re.search(r"\{\d", text.replace("{{", ""))
        assert "[mend it here] (https:/evil.example/) {{0}} [[a] (javascript:b)] {{{{1}}" in text


def test_who_has_taken_over_a_host_turns_no_text_round() -> None:
    """Its answers come by no module, which would have shown them."""
    name = "/run/a\x9b31mb\u202ec\u2066d\x7fe\nf"
    findings = [fleet.finding("drift", "high", name, message=name, remedy=name)]
    made = fleet.document(fleet.host("web1", fleet.info([], findings)))
    text = json.loads(json.dumps(_report.sarif(made)))["runs"][0]["results"][0]["message"]["text"]
    shown = "/run/a\\x9b31mb\\u202ec\\u2066d\\x7fe\nf"
    assert text == f"web1: {shown} {shown}"
    root = ElementTree.fromstring("".join(_report.junit(made)))
    (failure,) = root.iter("failure")
    assert (failure.attrib["message"], failure.text) == (shown, shown)


def test_a_clean_fleet() -> None:
    (run,) = _report.sarif(fleet.document(fleet.host("web", fleet.info([]))))["runs"]
    assert run["results"] == []
    assert run["invocations"][0]["executionSuccessful"] is True


def test_junit() -> None:
    text = "".join(_report.junit(document()))
    root = ElementTree.fromstring(text.encode("utf-8"))
    assert root.tag == "testsuites"
    counts = {key: int(root.attrib[key]) for key in ("tests", "failures", "errors")}
    cases = list(root.iter("testcase"))
    assert counts == {
        "tests": len(cases),
        "failures": len(list(root.iter("failure"))),
        "errors": len(list(root.iter("error"))),
    }
    assert counts == {"tests": 10, "failures": 5, "errors": 1}
    suites = {one.attrib["name"]: one for one in root.iter("testsuite")}
    assert list(suites) == ["assertions", "web1", "web2", "web3"]
    for name, suite in suites.items():
        assert int(suite.attrib["tests"]) == len(suite.findall("testcase"))
        assert suite.attrib["timestamp"] == "2026-11-21T12:00:00"
        assert {case.attrib["classname"] for case in suite} == {name}
    missing, low = suites["assertions"].iter("failure")
    assert missing.text == "The expression gave null."
    first, second = str(low.text).splitlines()
    assert first == "The expression gave false."
    assert second.startswith("web1: low dead-socket, /run/a b")
    assert "\\x00\\x1b\\n" in second
    (low,) = suites["web1"].iter("system-out")
    assert low.text is not None
    assert "\\x00\\x1b" in low.text
    assert "]]>" in low.text
