# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Who can connect to what on one host: users across, sockets down."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from .document import Json

# Wider tables are no help to anybody; the report itself has all.
_COLUMNS = 30
_NAMES = 3
_NUMBERS = re.compile(r"([0-9]+)")


class Cell(t.NamedTuple):
    """One answer: how it looks, in a word or two, and in a sentence."""

    kind: str  # yes, no, bad, also, open or none
    text: str
    proven: bool
    title: str


# What is said of several users at once.
_WORDS = {
    "yes": "can connect",
    "also": "can connect, and is not declared",
    "no": "is refused",
    "bad": "is not as declared",
    "open": "not known",
    "none": "cannot connect",
}
_NOTHING = Cell("none", "", False, "cannot connect")


def matrix(host: Mapping[str, t.Any]) -> Json | None:
    """Return the table of a host, or None where permissions single nobody out.

    There is a row for each declared socket and endpoint, and for each other socket that more than
    root and fewer than all can connect to.  Users with the same answers share a column, and sockets
    that nobody declares a row.
    """
    rows = list(_rows(host))
    named = {one for row in rows for one in row["named"]}
    every = {one for row in rows for one in row["cells"]}
    principals = sorted(every, key=lambda one: (one not in named, not one.startswith("user "), one))
    columns: dict[tuple[tuple[str, str, bool], ...], list[str]] = {}
    cells: dict[str, list[Cell]] = {}
    for principal in principals:
        cells[principal] = [row["cells"].get(principal) or _silent(row) for row in rows]
        answers = tuple((one.kind, one.text, one.proven) for one in cells[principal])
        columns.setdefault(answers, []).append(principal)
    if not columns:
        return None
    groups = list(columns.values())
    shown = [(names, _shared(cells[names[0]], len(names))) for names in groups[:_COLUMNS]]
    return {
        "columns": [_column(names) for names, dummy in shown],
        "left_out": sum(len(names) for names in groups[_COLUMNS:]),
        "rows": _merged(
            {
                "sockets": [row["socket"]],
                "declared": row["declared"],
                "cells": [answers[index] for dummy, answers in shown],
            }
            for index, row in enumerate(rows)
        ),
    }


def _merged(rows: Iterable[Json]) -> list[Json]:
    """Put sockets that nobody declares, and that the same users can connect to, into one row."""
    found: list[Json] = []
    alike: dict[tuple[Cell, ...], Json] = {}
    for row in rows:
        first = row if row["declared"] else alike.setdefault(tuple(row["cells"]), row)
        if first is row:
            found.append(row)
        else:
            first["sockets"] += row["sockets"]
    return found


def _shared(cells: Sequence[Cell], users: int) -> Sequence[Cell]:
    """Return the cells of a column; what names one user is not said of several."""
    if users == 1:
        return cells
    return [one._replace(title=_WORDS[one.kind]) for one in cells]


def _rows(host: Mapping[str, t.Any]) -> Iterator[Json]:
    listed = {one["path"]: one for one in host["sockets"] if one["path"] is not None}
    mounted = {path: one for one in host["sockets"] for path in one["mounted_at"]}
    declared: dict[str, Json] = {}
    for one in host["declared"] or ():
        for path in [one["path"], *(grant["endpoint"] for grant in one["grants"])]:
            row = declared.setdefault(path, {"name": one["name"], "cells": {}, "gate": False})
            row["gate"] |= any(
                grant["method"] == "gate" and grant["endpoint"] == path for grant in one["grants"]
            )
        for grant in one["grants"]:
            declared[grant["endpoint"]]["cells"][grant["principal"]] = _granted(grant)
        for refused in one["refused"]:
            row = declared[one["path"]]
            row["cells"][refused["principal"]] = _refused(refused, row["gate"])
    for path, row in sorted(declared.items(), key=_as_counted):
        socket = listed.get(path) or mounted.get(path)
        # A gate asks who is calling; its permissions do not say who gets in.
        socket = None if row["gate"] else socket
        also = {} if socket is None else _reaching(socket, "also")
        yield _row(path, socket, row["name"], {**also, **row["cells"]}, row["cells"])
    for path, socket in sorted(listed.items(), key=_as_counted):
        if path in declared:
            continue
        cells = _reaching(socket, "yes")
        if cells:
            yield _row(path, socket, None, cells)


def _row(
    path: str,
    socket: Json | None,
    declared: str | None,
    cells: dict[str, Cell],
    named: Collection[str] = (),
) -> Json:
    everyone = bool(socket and socket["reach"] and socket["reach"]["everyone"])
    return {
        "socket": path,
        "declared": declared,
        "cells": cells,
        "named": named,
        "everyone": everyone,
    }


def _reaching(socket: Mapping[str, t.Any], kind: str) -> dict[str, Cell]:
    reach = socket["reach"]
    if reach is None:
        return {}
    said = "can connect" if kind == "yes" else "can connect, and is not declared"
    word = "" if kind == "yes" else "not declared"
    allowed = [
        *(f"user {one}" for one in reach["users"] if one != "root"),
        *(f"group {one}" for one in reach["groups"] if one != "root"),
    ]
    refused = [
        *(f"user {one}" for one in reach["refused_users"]),
        *(f"group {one}" for one in reach["refused_groups"]),
    ]
    return {
        **{one: Cell(kind, word, False, f"{one} {said}") for one in allowed},
        **{one: Cell("no", "", False, f"{one} is refused by permissions") for one in refused},
    }


def _silent(row: Mapping[str, t.Any]) -> Cell:
    if row["everyone"]:
        return Cell("yes", "everyone", False, "everyone can connect")
    return _NOTHING


def _granted(grant: Mapping[str, t.Any]) -> Cell:
    proof, can = grant["proof"], grant["can_connect"]
    method = str(grant["method"])
    why = f"{grant['principal']}, by {method}: {grant['reason']}"
    if proof is not None and proof["held"] is not None:
        kind = "yes" if proof["held"] else "bad"
        return Cell(kind, method, bool(proof["held"]), f"{why} {proof['message']}")
    if can is False and method != "gate":
        return Cell("bad", method, False, f"{why} Declared, but the permissions refuse it.")
    if can is None:
        return Cell("open", method, False, f"{why} Whether it can connect is not known.")
    return Cell("yes", method, False, f"{why} The permissions allow it.")


def _refused(refused: Mapping[str, t.Any], gate: bool) -> Cell:
    proof, who = refused["proof"], refused["principal"]
    if proof is not None and proof["held"] is not None:
        kind = "no" if proof["held"] else "bad"
        text = "refused" if proof["held"] else "let in"
        return Cell(kind, text, bool(proof["held"]), f"{who}: {proof['message']}")
    if refused["can_connect"] and not gate:
        return Cell("bad", "let in", False, f"{who} is to be refused, but permissions let it in.")
    return Cell("no", "refused", False, f"{who} is declared to be refused.")


def _column(names: Sequence[str]) -> Json:
    more = len(names) - _NAMES
    return {
        "names": [_split(one) for one in names[:_NAMES]],
        "more": max(more, 0),
        "title": ", ".join(names[:200]),
    }


def _split(principal: str) -> Json:
    kind, dummy, name = principal.partition(" ")
    return {"kind": kind, "name": name}


def _as_counted(item: tuple[str, t.Any]) -> list[tuple[int, str]]:
    """Return what sorts 2.sock before 10.sock."""
    parts = _NUMBERS.split(item[0])
    return [(int(part), "") if index % 2 else (0, part) for index, part in enumerate(parts)]
