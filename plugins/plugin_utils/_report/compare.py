# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""What is different since an earlier report."""

from __future__ import annotations

import json
import re
import typing as t
from collections.abc import Iterator, Mapping

from .document import FORMAT, Json
from .problem import ReportError

# The kernel chooses such a name itself, another one each time (unix(7), autobind).
_AUTOBOUND = re.compile(r"@[0-9a-f]{5}")
_ANSWERED = ("ok", "partial")
_COMPARED = ("owner", "group", "mode", "acl")


def read_baseline(path: str) -> Json:
    """Return an earlier report; raises ReportError where the file is none."""
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
    except FileNotFoundError:
        raise ReportError(
            f"The baseline {path} does not exist. Name the report.json of an earlier audit. The "
            "first one comes from an audit without a baseline."
        ) from None
    except (OSError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise ReportError(f"The baseline {path} cannot be read: {error}.") from None
    if not isinstance(found, dict) or not isinstance(found.get("hosts"), list):
        raise ReportError(f"The baseline {path} is no report.json of an audit.")
    if found.get("format") != FORMAT:
        raise ReportError(
            f"The baseline {path} has the format {found.get('format')!r}, and this collection "
            f"reads the format {FORMAT}. Make a new one with this version."
        )
    return found


def with_baseline(document: Json, baseline: Json) -> Json:
    """Return the document with what is different since the baseline."""
    try:
        return {**document, "baseline": _compared(document, baseline)}
    except (AttributeError, KeyError, TypeError):
        raise ReportError(
            "The baseline is no report.json of an audit: parts are missing."
        ) from None


def _compared(document: Json, baseline: Json) -> Json:
    now = {host["name"]: host for host in document["hosts"]}
    before = {host["name"]: host for host in baseline["hosts"]}
    both = [
        name
        for name in now
        if name in before and _has_answered(now[name]) and _has_answered(before[name])
    ]
    drift: Json = {
        "generated": baseline["generated"],
        "hosts_new": [name for name in now if name not in before],
        "hosts_gone": [name for name in before if name not in now],
        "hosts_not_compared": [name for name in now if name in before and name not in both],
        "findings_new": [],
        "findings_gone": [],
        "sockets_new": [],
        "sockets_gone": [],
        "sockets_changed": [],
    }
    for name, host in now.items():
        if name in both:
            _findings(drift, name, before[name], host)
            _sockets(drift, name, before[name], host)
        else:
            # Nobody accepted what the baseline has no answer about.
            drift["findings_new"] += [{"host": name, **one} for one in host["findings"]]
    return drift


def _has_answered(host: Mapping[str, t.Any]) -> bool:
    return host["state"] in _ANSWERED


def _findings(drift: Json, name: str, before: Json, now: Json) -> None:
    # A message may name processes; what it is about tells one finding from another.
    old, new = (
        {(one["id"], one["socket"], one["severity"]): one for one in host["findings"]}
        for host in (before, now)
    )
    drift["findings_new"] += [{"host": name, **new[key]} for key in new if key not in old]
    drift["findings_gone"] += [{"host": name, **old[key]} for key in old if key not in new]


def _sockets(drift: Json, name: str, before: Json, now: Json) -> None:
    old, new = (dict(_named(host)) for host in (before, now))
    drift["sockets_new"] += [_short(name, new[key]) for key in new if key not in old]
    drift["sockets_gone"] += [_short(name, old[key]) for key in old if key not in new]
    for key in new:
        if key not in old:
            continue
        changes = list(_changes(old[key], new[key]))
        if changes:
            drift["sockets_changed"].append(
                {"host": name, "socket": new[key]["socket"], "changes": changes}
            )


def _named(host: Mapping[str, t.Any]) -> Iterator[tuple[tuple[str, int], Json]]:
    """Yield the sockets by name; those that share one (without a path) are counted."""
    counted: dict[str, int] = {}
    for one in host["sockets"]:
        name = one["socket"]
        if _AUTOBOUND.fullmatch(name):
            continue
        counted[name] = counted.get(name, 0) + 1
        yield (name, counted[name]), one


def _short(host: str, one: Mapping[str, t.Any]) -> Json:
    return {
        "host": host,
        "socket": one["socket"],
        "owner": one["owner"],
        "group": one["group"],
        "mode": one["mode"],
        "reach": reach_in_words(one["reach"]),
    }


def _changes(before: Json, now: Json) -> Iterator[Json]:
    for key in _COMPARED:
        if before[key] != now[key]:
            yield {"what": key, "before": before[key], "after": now[key]}
    if before["listening"] != now["listening"]:
        yield {"what": "listening", "before": before["listening"], "after": now["listening"]}
    old, new = reach_in_words(before["reach"]), reach_in_words(now["reach"])
    if old != new:
        yield {"what": "reach", "before": old, "after": new}


def reach_in_words(reach: Mapping[str, t.Any] | None) -> str | None:
    """Return who can connect, in a few words; None where that is not known."""
    if reach is None:
        return None
    if reach["everyone"]:
        out = [f"{kind} {one}" for kind in ("user", "group") for one in reach[f"refused_{kind}s"]]
        return f"everyone but {', '.join(out)}" if out else "everyone"
    who = [f"{kind} {one}" for kind in ("user", "group") for one in reach[f"{kind}s"]]
    return ", ".join(who) or "nobody"
