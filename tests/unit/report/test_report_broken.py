# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an assertion that failed says: whom it is about, and not only that it gave false."""

from __future__ import annotations

import time
from typing import Any

import pytest

pytest.importorskip("jinja2", reason="the report is made on the controller, which has it")
pytest.importorskip("jmespath", reason="only a controller's tools have it")

from ansible_collections.unixsocket.access.plugins.plugin_utils import _report
from unit.report import fleet

APP, DOCKER = "/run/app/app.sock", "/run/docker.sock"
OPEN = fleet.finding(
    "world-connectable-privileged",
    "high",
    DOCKER,
    message=f"Everyone can connect to {DOCKER} of Docker.",
    remedy=f"chmod o-rwx {DOCKER}.",
)
SAID = f"high world-connectable-privileged, {DOCKER}: {OPEN['message']} {OPEN['remedy']}"
HIGH = "length(hosts[].findings[?severity == 'high'][]) == `0`"


def broken_by(document: Any, that: str) -> Any:
    (one,) = _report.judged(document, _report.check([{"that": that, "message": "No."}], "x"))
    assert not one["held"]
    return one["broken_by"]


def several() -> Any:
    """Return a fleet with one thing of each kind that is wrong, and a host that is well."""
    powerful = {"what": "Docker", "why": "It starts containers with any rights."}
    docker = fleet.socket(DOCKER, powerful=powerful, reach=fleet.reach("root", "eve"))
    app = fleet.declared("app", APP, [fleet.grant("user app", APP)], ["user nobody"])
    info, other = fleet.info([fleet.socket(APP)]), fleet.info([docker], [OPEN])
    proven = fleet.proofs(fleet.probed(APP, app=True, nobody=True))
    change = f"{APP}: user:backup changes from no entry to rw-."
    document = fleet.document(
        fleet.host("well", info),
        fleet.host("web1", other),
        fleet.host("web2", fleet.info([], [OPEN, fleet.finding("drift", "medium", APP)])),
        fleet.host("gone", {"unreachable": True, "msg": "Connection timed out."}),
        fleet.host("late", info, fleet.policy(app, changes=[change])),
        fleet.host("leak", info, fleet.policy(app), proven),
    )
    before = fleet.host("well", fleet.info([fleet.socket(APP, reach=fleet.everyone())]))
    return _report.with_baseline(document, fleet.document(before))


@pytest.mark.parametrize(
    ("that", "said"),
    [
        (HIGH, [f"web1, web2: {SAID}"]),
        (f"!({HIGH.removesuffix(' == `0`')} > `0`)", [f"web1, web2: {SAID}"]),
        ("summary.findings.high == `0`", [f"web1, web2: {SAID}"]),
        ("length(hosts[?state != 'ok']) == `0`", ["gone: unreachable: Connection timed out."]),
        ("hosts[?state != 'ok'] | length(@) == `0`", ["gone: unreachable: Connection timed out."]),
        (
            "summary.differing == `0`",
            [
                f"late: the next run would change this: {APP}: user:backup changes from no entry "
                "to rw-."
            ],
        ),
        (
            "length(hosts[].sockets[?powerful][].reach.users[] | [?@ != 'root']) == `0`",
            [f"web1: {DOCKER}. Who can connect: user root, user eve."],
        ),
        (
            "summary.proofs.failed == `0`",
            [f"leak: app refuses user nobody at {APP}. nobody connected to {APP}."],
        ),
        (
            "length(baseline.sockets_changed[].changes[?what == 'reach'][]) == `0`",
            [f"well: socket changed since the baseline: {APP}, reach everyone -> user root."],
        ),
        (
            "length(baseline.findings_new[?severity == 'medium' && id == 'drift']) == `0`",
            [
                f"web2: finding new since the baseline: medium drift, {APP}: Something is wrong "
                f"with {APP}. Put {APP} right."
            ],
        ),
        ("!contains(baseline.hosts_new, 'late')", ["late: host new since the baseline."]),
    ],
)
def test_who_and_what_breaks_it_is_said(that: str, said: list[str]) -> None:
    found = [one for one in broken_by(several(), that) if "refusal-failed" not in one]
    assert found == said


@pytest.mark.parametrize(
    "that",
    [
        # Too few, or more than a number: nothing of the report does that alone.
        "length(hosts) >= `200`",
        "hosts[?name == 'web9']",
        "length(hosts[].findings[?severity == 'high'][]) <= `1`",
        "length(hosts[0].nothing) == `0`",
    ],
)
def test_what_nothing_breaks_alone_names_nothing(that: str) -> None:
    assert broken_by(several(), that) == []


def test_a_host_that_breaks_it_whatever_it_has_is_named_once() -> None:
    assert broken_by(several(), "length(hosts[?name == 'web2']) == `0`") == [
        "web2: whatever it has; its part of the report shows it."
    ]


def test_what_is_said_has_an_end() -> None:
    long = "x" * 100_000
    many = [
        fleet.finding("drift", "high", f"/run/{number}{long}", message=long, remedy=long)
        for number in range(40)
    ]
    document = fleet.document(*(fleet.host(f"web{n}", fleet.info([], many)) for n in range(9)))
    said = broken_by(document, HIGH)
    assert len(said) == 6
    assert max(map(len, said)) < 1100
    assert said[0].startswith("web0, web1, web2 and 6 more: high drift, /run/0")
    assert said[-1] == "There is more, on 9 hosts or more."


def test_a_large_fleet_is_looked_at_in_a_moment() -> None:
    every = [fleet.finding("drift", "low", f"/run/{number}") for number in range(100)]
    document = fleet.document(*(fleet.host(f"h{n:04}", fleet.info([], every)) for n in range(400)))
    began = time.monotonic()
    said = broken_by(document, "length(hosts[].findings[]) == `0`")
    assert time.monotonic() - began < 20
    assert len(said) == 6


def test_no_name_of_a_host_gives_a_terminal_an_order() -> None:
    name = "/run/a\x1b]0;b\x07\x9b31m\u202e\n{{ 7 * 7 }}\udcff.sock"
    finding = fleet.finding("drift", "high", name, message=name, remedy=name)
    declared = fleet.declared(name, name, [fleet.grant(f"user {name}", name)], [f"user {name}"])
    reach = fleet.reach(name)
    document = fleet.document(
        fleet.host("web1", fleet.info([fleet.socket(name, reach=reach)], [finding])),
        fleet.host("web2", fleet.info([]), fleet.policy(declared, changes=[name])),
        fleet.host("web3", {"failed": True, "msg": name}),
        fleet.host("web4", fleet.info([], [], unseen=[name])),
    )
    document = _report.with_baseline(document, fleet.document(fleet.host("web1", fleet.info([]))))
    for that in (
        "length(hosts[].findings[]) == `0`",
        "length(hosts[].sockets[]) == `0`",
        "length(hosts[].declared[].grants[]) == `0`",
        "length(hosts[].declared[].refused[]) == `0`",
        "length(hosts[].changes[]) == `0`",
        "length(hosts[].errors[]) == `0`",
        "length(hosts[].unseen[]) == `0`",
        "length(baseline.sockets_new) == `0`",
        "length(baseline.findings_new) == `0`",
    ):
        said = broken_by(document, that)
        assert said, that
        assert all(one.isprintable() for one in said), said
        assert "\\x1b]0;b\\x07\\x9b31m\\u202e\\n" in said[0]
