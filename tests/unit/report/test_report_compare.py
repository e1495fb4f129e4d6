# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is different since an earlier report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("jinja2", reason="the report is made on the controller, which has it")

from ansible_collections.unixsocket.access.plugins.plugin_utils import _report
from unit.report import fleet

APP, OLD = "/run/app/app.sock", "/run/old.sock"


def compared(before: Any, now: Any) -> Any:
    """Return the differences between two lists of hosts."""
    found = _report.with_baseline(fleet.document(*now), fleet.document(*before))["baseline"]
    assert found.pop("generated") == fleet.GENERATED
    return {key: value for key, value in found.items() if value}


def web(*sockets: Any, findings: Any = (), name: str = "web") -> Any:
    return fleet.host(name, fleet.info(sockets, findings))


def test_nothing() -> None:
    hosts = fleet.fleet(5)
    assert compared(hosts, hosts) == {}


def test_hosts() -> None:
    unreachable = fleet.host("db", {"unreachable": True, "msg": "No."})
    found = compared(
        [web(name="gone"), web(fleet.socket(APP), name="db"), web()],
        [web(name="new"), unreachable, web()],
    )
    assert found == {"hosts_new": ["new"], "hosts_gone": ["gone"], "hosts_not_compared": ["db"]}


def test_what_a_host_has_that_the_baseline_knows_nothing_of_is_new() -> None:
    # Nobody has accepted it: a gate that insists on no new findings would let it pass for ever.
    bad = fleet.finding("world-connectable-root", "high", APP)
    silent = fleet.host("was-away", {"unreachable": True, "msg": "No."})
    now = [web(findings=[bad], name=name) for name in ("added", "was-away")]
    found = compared([silent], now)
    assert [one["host"] for one in found["findings_new"]] == ["added", "was-away"]
    document = _report.with_baseline(fleet.document(*now), fleet.document(silent))
    (run,) = _report.sarif(document)["runs"]
    assert [one["baselineState"] for one in run["results"]] == ["new", "new"]


def test_findings() -> None:
    kept = fleet.finding("drift", "medium", APP, message="pid 1")
    same = fleet.finding("drift", "medium", APP, message="pid 2")
    found = compared(
        [web(findings=[kept, fleet.finding("dead-socket", "low", OLD)])],
        [web(findings=[same, fleet.finding("dead-socket", "medium", OLD)])],
    )
    assert [(one["host"], one["severity"]) for one in found["findings_new"]] == [("web", "medium")]
    assert [(one["id"], one["severity"]) for one in found["findings_gone"]] == [
        ("dead-socket", "low")
    ]


def test_sockets() -> None:
    changed = fleet.socket(
        APP, owner="app", mode="0666", acl=["user::rw-"], reach=fleet.everyone("bob")
    )
    found = compared(
        [web(fleet.socket(APP), fleet.socket(OLD), fleet.socket("@abcde"))],
        [web(changed, fleet.socket("@name"), fleet.socket("@12345"))],
    )
    assert found["sockets_changed"] == [
        {
            "host": "web",
            "socket": APP,
            "changes": [
                {"what": "owner", "before": "root", "after": "app"},
                {"what": "mode", "before": "0600", "after": "0666"},
                {"what": "acl", "before": None, "after": ["user::rw-"]},
                {"what": "reach", "before": "user root", "after": "everyone but user bob"},
            ],
        }
    ]
    # Names that the kernel chose are others each time, and no news.
    assert [one["socket"] for one in found["sockets_new"]] == ["@name"]
    (gone,) = found["sockets_gone"]
    assert gone == {
        "host": "web",
        "socket": OLD,
        "owner": "root",
        "group": "root",
        "mode": "0600",
        "reach": "user root",
    }


def test_a_daemon_that_stopped() -> None:
    found = compared([web(fleet.socket(APP))], [web(fleet.socket(APP, listening=False, type=None))])
    assert found["sockets_changed"][0]["changes"] == [
        {"what": "listening", "before": True, "after": False}
    ]


def test_what_holds_for_a_moment_is_no_difference() -> None:
    now = fleet.socket(
        APP,
        inode=5,
        connections=9,
        processes=[],
        connected=[{**fleet.process(2), "connections": 1}],
    )
    assert compared([web(fleet.socket(APP))], [web(now)]) == {}


def test_sockets_that_share_a_name() -> None:
    same = fleet.socket(APP, path=None, owner=None, group=None, mode=None, reach=None)
    found = compared([web(same, same)], [web(same, same, same)])
    assert [one["socket"] for one in found["sockets_new"]] == [APP]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "of an earlier audit. The first one comes from an audit without a baseline."),
        ("{", "cannot be read: "),
        ("[" * 100_000, "cannot be read: "),
        ("[]", "is no report.json of an audit"),
        ('{"hosts": 1}', "is no report.json of an audit"),
        ('{"hosts": [], "format": 2}', "has the format 2, and this collection reads the format 1"),
    ],
)
def test_what_is_no_baseline(tmp_path: Path, content: str | None, said: str) -> None:
    path = tmp_path / "old.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(_report.ReportError, match=r"The baseline .*old\.json") as refused:
        _report.read_baseline(str(path))
    assert said in str(refused.value)


def test_a_baseline_of_which_parts_are_missing(tmp_path: Path) -> None:
    path = tmp_path / "old.json"
    path.write_text(json.dumps({"format": 1, "generated": "x", "hosts": [{"name": "web"}]}))
    baseline = _report.read_baseline(str(path))
    with pytest.raises(_report.ReportError, match="parts are missing"):
        _report.with_baseline(fleet.document(web()), baseline)
