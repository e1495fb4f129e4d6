# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host that answers anything at all is told as one that failed, and hides no other host."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import pytest

pytest.importorskip("jinja2", reason="the report is made on the controller, which has it")
pytest.importorskip("jsonschema", reason="only a controller's tools have it")

from ansible_collections.unixsocket.access.plugins.plugin_utils import _report
from ansible_collections.unixsocket.access.plugins.plugin_utils._report import shape
from unit.report import fleet
from unit.report.test_report_document import SCHEMA, valid
from unit.report.test_report_page import TEMPLATE

APP = "/run/app/app.sock"
# Of the keys that are read, null says that something is not known.
WRONG: list[Any] = [{}, [[]], [{}], -1, 1e9, math.nan, 10**40, "", "nonsense!", True]


def answers() -> list[Any]:
    known = {"what": "a", "why": "b"}
    client = {**fleet.process(8), "connections": 2}
    seen = fleet.socket(
        APP,
        acl=["user::rw-"],
        closed_by=[{"path": "/run/app", "owner": "a", "group": "b", "mode": "0700", "acl": ["x"]}],
        mounted_at=["/run/b"],
        connected=[client],
        reach=fleet.reach("root", groups=["a"]),
        powerful=known,
        by_design=known,
        managed_by=[{"name": "app", "holder": "x", "state": "differs"}],
    )
    seen["reach"].update(refused_users=["x"], refused_groups=["y"])
    declared = fleet.declared("app", APP, [fleet.grant("user a", APP)], ["user b"])
    declared["notes"] = ["Something."]
    return [
        fleet.info([seen], [fleet.finding("drift", "low", APP)], unseen=["It."]),
        fleet.policy(declared, changes=[f"{APP}: more."]),
        fleet.proofs(fleet.probed(APP, a=True, b=False)),
    ]


def places(value: Any, here: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if here:
        yield here
    inner = enumerate(value) if isinstance(value, list) else ()
    for key, one in value.items() if isinstance(value, dict) else inner:
        yield from places(one, (*here, key))


def written(*hosts: Any) -> Any:
    """Return the document of the hosts, having written all forms of it."""
    document = fleet.document(*hosts)
    valid(document)

    def refused(text: str) -> None:
        raise AssertionError(f"{text} is no JSON")

    json.loads("".join(_report.as_json(document)), parse_constant=refused)
    json.dumps(_report.sarif(document), allow_nan=False)
    ElementTree.fromstring("".join(_report.junit(document)))
    assert "".join(_report.page(document, str(TEMPLATE))).endswith("</html>")
    return document


def test_what_fits_is_taken_as_it_is() -> None:
    info, policy, dummy = answers()
    host = fleet.host("web", *answers())
    assert (host["state"], host["errors"]) == ("ok", [])
    assert host["sockets"] == info["sockets"]
    assert info["findings"][0] in host["findings"]
    grant = {**policy["sockets"]["app"]["grants"][0], "can_connect": None, "proof": None}
    assert {**host["declared"][0]["grants"][0], "can_connect": None, "proof": None} == grant


@pytest.mark.parametrize("number", range(3))
def test_whatever_a_host_answers_the_report_is_written(number: int) -> None:
    hosts = []
    for place in places(answers()[number]):
        # What stands above it there is Ansible's own.
        if number == 2 and place[2:3] != ("connections",):
            continue
        for wrong in WRONG:
            given = answers()
            inner = given[number]
            for key in place[:-1]:
                inner = inner[key]
            inner[place[-1]] = wrong
            host = fleet.host(f"{place} is {wrong}", *given)
            assert host["state"] == "ok" or host["errors"][-1]["message"]
            hosts.append(host)
    states = [host["state"] for host in written(*hosts)["hosts"]]
    assert states.count(("failed", "partial", "partial")[number]) > len(states) / 4


def test_what_is_missing_is_named() -> None:
    given = answers()
    del given[0]["sockets"][0]["reach"]["users"]
    host = written(fleet.host("web", *given))["hosts"][0]
    assert host["state"] == "failed"
    assert host["errors"] == [
        {
            "step": "sockets",
            "message": "The host did not answer in the form of this collection: "
            "socket_info.sockets[0].reach.users is missing. Look at the host itself: another "
            "program than this collection's module has answered.",
        }
    ]


def test_the_forms_are_those_that_are_published() -> None:
    kinds = SCHEMA["$defs"]
    assert set(shape.INFO["sockets"][0]) == set(kinds["socket"]["properties"])
    grants = kinds["declared"]["properties"]["grants"]["items"]["properties"]
    assert set(shape.POLICY["sockets"].form["grants"][0]) == set(grants) - {"can_connect", "proof"}
    finding = kinds["host"]["properties"]["findings"]["items"]["properties"]
    assert set(shape.INFO["findings"][0]) == set(finding)
    assert shape.INFO["findings"][0]["id"].pattern == finding["id"]["pattern"].strip("^$")
