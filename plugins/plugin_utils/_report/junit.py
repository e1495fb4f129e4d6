# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""The findings as JUnit's XML, which pipelines show as tests."""

from __future__ import annotations

import json
import typing as t
from collections.abc import Iterator, Mapping
from xml.sax.saxutils import escape, quoteattr

from .writing import shown


def junit(document: Mapping[str, t.Any]) -> Iterator[str]:
    """Yield the parts of the XML text.

    A host that did not answer is an error, a finding of severity high or medium and an assertion
    that does not hold are failures.  A finding of severity low passes, with its text as output.
    """
    suites = [_suite(host) for host in document["hosts"]]
    if document["assertions"]:
        suites.insert(0, ("assertions", [_assertion(one) for one in document["assertions"]]))
    cases = [case for dummy, those in suites for case in those]
    yield '<?xml version="1.0" encoding="UTF-8"?>\n'
    yield f'<testsuites name="unixsocket.access" {_counts(cases)}>\n'
    time = _attribute("timestamp", str(document["generated"]).rstrip("Z"))
    for name, those in suites:
        yield f"  <testsuite {_attribute('name', name)} {_counts(those)} {time}>\n"
        for case in those:
            yield case.text(name)
        yield "  </testsuite>\n"
    yield "</testsuites>\n"


class _Case(t.NamedTuple):
    name: str
    kind: str  # "", "error", "failure" or "system-out"
    type: str = ""
    message: str = ""
    details: str = ""

    def text(self, suite: str) -> str:
        start = f"    <testcase {_attribute('classname', suite)} {_attribute('name', self.name)}"
        if not self.kind:
            return f"{start}/>\n"
        if self.kind == "system-out":
            said = escape(shown(f"{self.message} {self.details}"))
            return f"{start}><system-out>{said}</system-out></testcase>\n"
        why = f"{_attribute('type', self.type)} {_attribute('message', self.message)}"
        details = escape(shown(self.details))
        return f"{start}><{self.kind} {why}>{details}</{self.kind}></testcase>\n"


def _suite(host: Mapping[str, t.Any]) -> tuple[str, list[_Case]]:
    cases = [
        _Case(f"the host answered about its {one['step']}", "error", host["state"], one["message"])
        for one in host["errors"]
    ] or [_Case("the host answered", "")]
    for one in host["findings"]:
        kind = "system-out" if one["severity"] == "low" else "failure"
        name = f"{one['id']} {one['socket']}"
        cases.append(_Case(name, kind, one["severity"], one["message"], one["remedy"]))
    return host["name"], cases


def _assertion(one: Mapping[str, t.Any]) -> _Case:
    if one["held"]:
        return _Case(one["that"], "")
    gave = one["error"] or f"The expression gave {json.dumps(one['gave'])[:2000]}."
    details = "\n".join([gave, *one["broken_by"]])
    return _Case(one["that"], "failure", "assertion", one["message"], details)


def _counts(cases: list[_Case]) -> str:
    kinds = [case.kind for case in cases]
    return (
        f'tests="{len(kinds)}" failures="{kinds.count("failure")}" errors="{kinds.count("error")}"'
    )


def _attribute(name: str, value: str) -> str:
    # quoteattr leaves line ends and tabs, which a reader of attributes turns into spaces.
    return f"{name}={quoteattr(shown(value))}"
