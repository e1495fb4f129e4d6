# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""The document as one page for a person, without anything from outside of it.

The template decides how it looks.  Everything that came from a host is escaped (autoescape), and
the page's own policy (CSP) lets a browser run nothing but the page's own script.
"""

from __future__ import annotations

import base64
import hashlib
import typing as t
from collections.abc import Iterator, Mapping
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateError
from markupsafe import Markup

from .compare import reach_in_words
from .document import Json
from .matrix import matrix
from .problem import ReportError
from .shape import SEVERITIES
from .writing import shown

# Beside the template: what is inlined, and the mark by which the browser knows it.
_STYLE, _SCRIPT = "report.css", "report.js"
_MANY = 8


def page(document: Mapping[str, t.Any], template: str) -> Iterator[str]:
    """Yield the parts of the page; ``template`` is the path of the template."""
    path = Path(template)
    environment = Environment(
        loader=FileSystemLoader(str(path.parent)),
        autoescape=True,
        finalize=_shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    try:
        style, script = (
            (path.parent / name).read_text(encoding="utf-8") for name in (_STYLE, _SCRIPT)
        )
        yield from environment.get_template(path.name).generate(
            document=document,
            findings=_grouped(document),
            hosts=_hosts(document),
            severities=SEVERITIES,
            style=Markup(style),
            script=Markup(script),
            style_mark=_mark(style),
            script_mark=_mark(script),
        )
    except (OSError, TemplateError) as error:
        raise ReportError(f"The template {template} cannot be used: {error}.") from None


def _shown(value: t.Any) -> t.Any:
    """Return what an expression of the template puts into the page."""
    return value if isinstance(value, Markup) else visible(value)


def visible(value: t.Any) -> str:
    """Return a text of one line in which control characters can be seen."""
    return shown(str(value), kept="")


def _mark(content: str) -> str:
    digest = hashlib.sha256(content.encode("utf-8")).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"


def _grouped(document: Mapping[str, t.Any]) -> list[Json]:
    """Return the findings, each once for all hosts that have it, the worst and most common first."""
    baseline = document["baseline"] or {"findings_new": []}
    new = {(one["host"], one["id"], one["socket"]) for one in baseline["findings_new"]}
    groups: dict[tuple[str, ...], Json] = {}
    for number, host in enumerate(document["hosts"]):
        for one in host["findings"]:
            key = (one["severity"], one["id"], one["socket"], one["message"])
            group = groups.setdefault(key, {**one, "hosts": [], "new": 0})
            group["hosts"].append({"name": host["name"], "number": number})
            group["new"] += (host["name"], one["id"], one["socket"]) in new
    return sorted(
        groups.values(),
        key=lambda one: (
            SEVERITIES.index(one["severity"]),
            -len(one["hosts"]),
            one["id"],
            one["socket"],
        ),
    )


def _hosts(document: Mapping[str, t.Any]) -> Iterator[Json]:
    """Yield the hosts as the page shows them, one at a time: a fleet has many."""
    for number, host in enumerate(document["hosts"]):
        severities = [one["severity"] for one in host["findings"]]
        yield {
            **host,
            "number": number,
            "counts": {one: severities.count(one) for one in SEVERITIES},
            "worst": next((one for one in SEVERITIES if one in severities), "none"),
            "matrix": matrix(host),
            "rows": [_row(one) for one in host["sockets"]],
        }


def _row(socket: Mapping[str, t.Any]) -> Json:
    return {
        "socket": socket["socket"],
        "type": socket["type"] or "nobody listens",
        "access": access_in_words(socket),
        "unit": _unit(socket),
        "reach": _shortened(socket),
        "connections": socket["connections"],
        "known": (socket["powerful"] or socket["by_design"] or {}).get("what"),
        "powerful": socket["powerful"] is not None,
    }


def access_in_words(socket: Mapping[str, t.Any]) -> str:
    """Return owner, group and mode, and the entries of an access control list that has any."""
    if socket["mode"] is None:
        return "abstract name" if socket["abstract"] else "no path"
    short = f"{socket['owner']}:{socket['group']} {socket['mode']}"
    named = [one for one in socket["acl"] or () if "::" not in one]
    return f"{short} + {' '.join(named)}" if named else short


def _unit(socket: Mapping[str, t.Any]) -> str:
    if socket["unit"] is None:
        return str(socket["processes"][0]["name"]) if socket["processes"] else ""
    of = f" of {socket['unit_user']}" if socket["unit_user"] else ""
    return f"{socket['unit']}{of}"


def _shortened(socket: Mapping[str, t.Any]) -> str:
    if socket["abstract"]:
        return "everyone"
    reach = socket["reach"]
    words = reach_in_words(reach)
    if reach is None or words is None:
        return "not known"
    if words == "user root":
        return "only root"
    names = [one for one in words.split(", ") if one != "user root"]
    if len(names) > _MANY:
        names[_MANY - 1 :] = [f"{len(names) - _MANY + 1} more"]
    return ", ".join(names)
