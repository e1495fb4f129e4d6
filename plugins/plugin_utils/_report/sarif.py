# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""The findings as SARIF, version 2.1.0 (OASIS standard), which code scanning services show."""

from __future__ import annotations

import hashlib
import typing as t
from collections.abc import Iterator, Mapping
from urllib.parse import quote

from .document import COLLECTION, VERSION, Json
from .writing import shown

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_HOME = "https://github.com/unixsocket/access"
_LEVELS = {"high": "error", "medium": "warning", "low": "note"}
# What GitHub sorts by, from 0 to 10.
_SCORES = {"high": "8.0", "medium": "5.0", "low": "2.0"}
_ASSERTION = "assertion"


def sarif(document: Mapping[str, t.Any]) -> Json:
    """Return the log with one run: a result for each finding and each assertion that failed."""
    rules = {one["id"]: _rule(one["id"], one["severity"]) for one in _by_severity(document)}
    failed = [one for one in document["assertions"] if not one["held"]]
    if failed:
        rules[_ASSERTION] = _rule(_ASSERTION, "high")
    index = {rule: number for number, rule in enumerate(rules)}
    results = [
        _result(document, host["name"], one, index[one["id"]])
        for host in document["hosts"]
        for one in host["findings"]
    ]
    results += [_failed(document, one, index[_ASSERTION]) for one in failed]
    notes = [
        {"level": "error", "message": _message(f"{host['name']}: {error['message']}")}
        for host in document["hosts"]
        for error in host["errors"]
    ]
    return {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": COLLECTION,
                        "semanticVersion": VERSION,
                        "informationUri": _HOME,
                        "rules": list(rules.values()),
                    }
                },
                "invocations": [
                    {
                        "executionSuccessful": not notes,
                        "endTimeUtc": document["generated"],
                        "toolExecutionNotifications": notes,
                    }
                ],
                "results": results,
            }
        ],
    }


def _by_severity(document: Mapping[str, t.Any]) -> Iterator[Json]:
    """Yield the findings so that the worst of each kind comes last."""
    every = [one for host in document["hosts"] for one in host["findings"]]
    yield from sorted(every, key=lambda one: (one["id"], -list(_LEVELS).index(one["severity"])))


def _rule(name: str, severity: str) -> Json:
    return {
        "id": name,
        "shortDescription": {"text": name.replace("-", " ").capitalize()},
        "helpUri": f"{_HOME}/blob/main/docs/{'audit' if name == _ASSERTION else 'info'}.md",
        "defaultConfiguration": {"level": _LEVELS[severity]},
        "properties": {"tags": ["security"], "security-severity": _SCORES[severity]},
    }


def _result(document: Mapping[str, t.Any], host: str, one: Mapping[str, t.Any], rule: int) -> Json:
    result = {
        "ruleId": one["id"],
        "ruleIndex": rule,
        "level": _LEVELS[one["severity"]],
        "message": _message(f"{host}: {one['message']} {one['remedy']}"),
        "locations": [_location(host, one["socket"])],
        "partialFingerprints": {"finding/v1": _mark(host, one["id"], one["socket"])},
    }
    baseline = document["baseline"]
    if baseline is not None:
        new = {(each["host"], each["id"], each["socket"]) for each in baseline["findings_new"]}
        fresh = (host, one["id"], one["socket"]) in new
        result["baselineState"] = "new" if fresh else "unchanged"
    return result


def _failed(document: Mapping[str, t.Any], one: Mapping[str, t.Any], rule: int) -> Json:
    result = {
        "ruleId": _ASSERTION,
        "ruleIndex": rule,
        "level": "error",
        "message": _message(f"{one['message']} ({one['that']})"),
        "locations": [_location("report.json", "")],
        "partialFingerprints": {"finding/v1": _mark("", _ASSERTION, one["that"])},
    }
    if document["baseline"] is not None:
        result["baselineState"] = "unchanged"
    return result


def _location(host: str, socket: str) -> Json:
    # Services show a result at a file: here a path below the host's name.
    below = "" if not socket else socket if socket.startswith("/") else f"/{socket}"
    try:
        encoded = (host + below).encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        # No file has such a name, but a text of JSON can.
        encoded = shown(host + below).encode("utf-8")
    uri = quote(encoded, safe="/@")
    return {
        "physicalLocation": {"artifactLocation": {"uri": uri}, "region": {"startLine": 1}},
        "logicalLocations": [
            {"name": shown(socket or host), "fullyQualifiedName": shown(host + below)}
        ],
    }


def _mark(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _message(text: str) -> Json:
    """Return a message in which no name is a placeholder or a link (3.11.5 and 3.11.6 there).

    Outside of a link the standard has no escape for brackets, so the two are kept apart.
    """
    plain = shown(text).replace("{", "{{").replace("}", "}}")
    return {"text": plain.replace("](", "] (")}
