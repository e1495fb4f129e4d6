# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures a report of a whole fleet: audit.py DIRECTORY [HOSTS [SOCKETS]].

It writes what the role would write, of hosts on paper, and prints how long each part took, how
large it is, and the most memory that the process had.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
import conftest

from ansible_collections.unixsocket.access.plugins.plugin_utils import _report
from unit.report import fleet

# What makes the collection importable.
CONFTEST = conftest
TEMPLATE = Path(__file__).parents[2] / "roles/socket_audit/templates/report.html.j2"
ASSERTIONS = [
    {"that": "length(hosts[].findings[?severity == 'high'][]) == `0`", "message": "A high one."},
    {"that": "length(hosts[?state != 'ok']) == `0`", "message": "A host did not answer."},
    {"that": "length(hosts[].sockets[?reach.everyone && powerful][]) == `0`", "message": "Docker."},
    {"that": "length(baseline.findings_new) == `0`", "message": "Something is new."},
]


def main(directory: str, hosts: int = 1000, sockets: int = 50) -> None:
    os.makedirs(directory, exist_ok=True)
    paper = timed("hosts on paper", lambda: json.loads(json.dumps(fleet.fleet(hosts, sockets))))
    document = timed("document", lambda: _report.report(paper, fleet.GENERATED))
    old = os.path.join(directory, "baseline.json")
    timed("report.json", lambda: _report.replaced(old, _report.as_json(document), 0o644))
    baseline = timed("read the baseline", lambda: _report.read_baseline(old))
    document = timed("compare", lambda: _report.with_baseline(document, baseline))
    read = timed("read the assertions", lambda: _report.check(ASSERTIONS, "assertions"))
    document["assertions"] = timed("judge them", lambda: _report.judged(document, read))
    parts = {
        "report.json": lambda: _report.as_json(document),
        "report.html": lambda: _report.page(document, str(TEMPLATE)),
        "report.junit.xml": lambda: _report.junit(document),
        "report.sarif": lambda: json.JSONEncoder(indent=1).iterencode(_report.sarif(document)),
    }
    for name, content in parts.items():
        path = os.path.join(directory, name)
        timed(name, lambda path=path, content=content: _report.replaced(path, content(), 0o644))
        print(f"{'':24}{os.path.getsize(path) / 1e6:8.1f} MB")
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{hosts} hosts with {sockets} sockets each; the most memory: {most:.0f} MiB")


def timed(what: str, work: Callable[[], Any]) -> Any:
    started = time.monotonic()
    result = work()
    print(f"{what:24}{time.monotonic() - started:8.2f} s")
    return result


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
