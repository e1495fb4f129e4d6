# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""JMESPath: what holds, what is wrong with an expression, and what if the package is missing."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("jinja2", reason="the report is made on the controller, which has it")
pytest.importorskip("jmespath", reason="only a controller's tools have it")

from ansible_collections.unixsocket.access.plugins.plugin_utils import _report
from unit.report import fleet

ROOT = Path(__file__).resolve().parents[3]
KEYS = {"none": None, "empty": [], "text": "x", "zero": 0}
DOCUMENT = {**fleet.document(fleet.host("web1", fleet.info([]))), **KEYS}


def judged(that: str, document: Any = None) -> Any:
    (one,) = _report.judged(
        document or DOCUMENT, _report.check([{"that": that, "message": "No."}], "x")
    )
    return one


@pytest.mark.parametrize(
    ("that", "held"),
    [
        ("`true`", True),
        ("`false`", False),
        ("none", False),
        ("missing.more", False),
        ("empty", False),
        ("`{}`", False),
        ("''", False),
        ("text", True),
        # JMESPath says so.
        ("zero", True),
        ("hosts[?name == 'web1']", True),
        ("hosts[?name == 'web2']", False),
        ("length(hosts) == `1`", True),
    ],
)
def test_what_holds(that: str, held: bool) -> None:
    assert judged(that)["held"] is held


def test_what_an_expression_gave_is_told() -> None:
    assert judged("hosts[].name") == {
        "that": "hosts[].name",
        "message": "No.",
        "held": True,
        "gave": ["web1"],
        "error": None,
        "broken_by": [],
    }


def test_what_an_expression_gave_is_cut_where_it_is_long() -> None:
    """It goes into the report, which would otherwise hold itself."""
    one = judged("hosts", fleet.document(*fleet.fleet(3)))
    assert one["held"] is True
    assert len(one["gave"]) < 4100
    assert one["gave"].startswith('[{"name": "node0000')
    assert one["gave"].endswith(" ...")


def test_what_only_the_document_shows_to_be_wrong() -> None:
    one = judged("length(zero)")
    assert (one["held"], one["gave"]) == (False, None)
    assert "length()" in one["error"]


def test_a_baseline_that_was_not_given_is_named() -> None:
    one = judged("length(baseline.findings_new) == `0`", fleet.document())
    assert one["error"].endswith(
        'received: "null". There is no baseline: name the report.json of an earlier audit.'
    )
    assert "baseline" not in judged("length(missing) == `0`")["error"]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ("hosts", "here must be a list of dictionaries"),
        ([{"message": "x"}], "here[0]: it must have the key that"),
        (["hosts"], "here[0]: it must have the key that"),
        ([{"that": "a", "mesage": "x"}], "here[0]: it must have the key that"),
        ([{"that": ""}], "here[0].that: '' is no JMESPath expression"),
        ([{"that": True}], "here[0].that: True is no JMESPath expression"),
        ([{"that": "hosts["}], "here[0].that: 'hosts[' is no valid JMESPath expression: "),
        ([{"that": "a[?lenght(b)]"}], "calls the function lenght(), which JMESPath does not have"),
    ],
)
def test_mistakes(values: Any, said: str) -> None:
    with pytest.raises(_report.ReportError) as refused:
        _report.check(values, "here")
    assert said in str(refused.value)


def test_all_mistakes_at_once() -> None:
    with pytest.raises(_report.ReportError) as refused:
        _report.check([{"that": "a["}, {"that": "a"}, {"that": "b["}], "here")
    assert "here[0].that" in str(refused.value)
    assert "here[2].that" in str(refused.value)


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jmespath", None)
    with pytest.raises(_report.ReportError) as refused:
        _report.check([{"that": "a"}, {"that": "b"}], "here")
    assert str(refused.value).count("pip install jmespath") == 1
    assert "python3-jmespath" in str(refused.value)
    # Who asserts nothing needs nothing.
    assert _report.check([], "here") == []


def test_questions() -> None:
    document = fleet.document(*fleet.fleet(8))
    asked = "hosts[?findings[?id == 'world-connectable-privileged']].name"
    assert _report.search(document, asked) == ["node0003.example.org"]
    with pytest.raises(_report.ReportError, match=r"unixsocket\.access\.query: 'a\[' is no valid"):
        _report.search(document, "a[")
    with pytest.raises(_report.ReportError, match="length"):
        _report.search({"a": 1}, "length(a)")


def test_the_assertions_of_the_documentation() -> None:
    """Each can be read, and gives true or false for a fleet, not an error."""
    document = fleet.document(*fleet.fleet(8))
    document = _report.with_baseline(document, fleet.document(*fleet.fleet(7)))
    given = []
    for page in ("docs/audit.md", "roles/socket_audit/README.md"):
        text = (ROOT / page).read_text(encoding="utf-8")
        given += re.findall(r"^ *- that: (.*)$", text, re.MULTILINE)
    assert len(given) > 7
    read = _report.check([{"that": one} for one in given], "here")
    results = {one["that"]: one for one in _report.judged(document, read)}
    assert [one["error"] for one in results.values() if one["error"]] == []
    assert {type(one["gave"]) for one in results.values()} == {bool}
    held = {one for one in results if results[one]["held"]}
    assert {one for one in held if "baseline" in one} == {one for one in given if "baseline" in one}
    assert not any("severity" in one for one in held)
    # Of those who are as good as root: everyone is a finding, and deploy is excepted.
    (powerful,) = (one for one in given if "powerful" in one)
    assert powerful in held
    document["hosts"][0]["sockets"][0].update(powerful={"what": "x", "why": "y"})
    document["hosts"][0]["sockets"][0]["reach"] = fleet.reach("root", "eve")
    assert not judged(powerful, document)["held"]
