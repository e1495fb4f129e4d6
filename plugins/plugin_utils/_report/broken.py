# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""What breaks an assertion: whatever of the report does so where nothing else is in it.

An expression can ask for anything, so nothing is read out of it.  It is asked about documents that
have one thing of the report each, and no answer is the same as that it holds.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterator, Mapping

from .compare import reach_in_words
from .document import Json, bare_entry, report
from .writing import shown

Breaks = t.Callable[[Json], bool]

_MOST, _HOSTS = 5, 3
# In letters, of each part of a sentence: it goes to a terminal, and names are a host's to choose.
_SHORT, _LONG = 120, 400
# So many things are looked at; a fleet has hundreds of thousands.
_LOOKS = 5000
_ITSELF = "whatever it has; its part of the report shows it."


def broken_by(document: Json, breaks: Breaks) -> list[str]:
    """Return at most a few sentences, each with its hosts, on what makes ``breaks`` true."""
    if breaks(_with(document, [])):
        # What is missing breaks it, and nothing that is there.
        return []
    found: dict[str, list[str]] = {}
    hosts, hidden, looks = set(), False, _LOOKS
    for whole, parts in _groups(document):
        if not breaks(whole):
            continue
        for host, part, said in parts:
            looks -= 1
            if looks < 0:
                hidden = True
                break
            if not breaks(part):
                continue
            hosts.add(host)
            if said in found or len(found) < _MOST:
                those = found.setdefault(said, [])
                those += [host] if host not in those[-1:] else []
            else:
                hidden = True
            if said == _ITSELF:
                break
    told = [f"{_listed(those)}: {said}" for said, those in found.items()]
    if hidden:
        told.append(f"There is more, on {len(hosts)} hosts or more.")
    return told


_Part = tuple[str, Json, str]


def _groups(document: Json) -> Iterator[tuple[Json, Iterator[_Part]]]:
    """Yield documents of one host each, with the parts of it: their host, document and words."""
    for host in document["hosts"]:
        yield _with(document, [host]), _of_host(document, host)
    for key, entries in _lists(document["baseline"]):
        yield _with(document, [], {key: entries}), _of_baseline(document, key, entries)


def _of_host(document: Json, host: Json) -> Iterator[_Part]:
    bare = bare_entry(host["name"])
    name = _cut(host["name"])
    for keys, said in _things(host):
        yield name, _with(document, [{**bare, **keys}]), said


def _of_baseline(document: Json, key: str, entries: list[t.Any]) -> Iterator[_Part]:
    for one in entries:
        host = one["host"] if isinstance(one, Mapping) else one
        yield _cut(host), _with(document, [], {key: [one]}), _drift(key, one)


def _things(host: Json) -> Iterator[tuple[Json, str]]:
    """Yield every thing of a host as the keys that it takes, with what is said of it."""
    yield {}, _ITSELF
    if host["state"] != "ok":
        why = " ".join(one["message"] for one in host["errors"])
        keys = {"state": host["state"], "errors": host["errors"]}
        yield keys, f"{host['state']}: {_cut(why, _LONG)}"
    for one in host["findings"]:
        yield {"findings": [one]}, _finding(one)
    for one in host["declared"] or ():
        for key in ("grants", "refused"):
            for who in one[key]:
                alone = {**one, "grants": [], "refused": [], key: [who]}
                yield {"declared": [alone]}, _declared(one, who)
        yield {"declared": [{**one, "grants": [], "refused": []}]}, f"{_cut(one['path'])}."
    for change in host["changes"]:
        yield {"changes": [change]}, f"the next run would change this: {_cut(change, _LONG)}"
    for one in host["sockets"]:
        who = reach_in_words(one["reach"])
        told = f" Who can connect: {_cut(who, _LONG)}." if who else ""
        yield {"sockets": [one]}, f"{_cut(one['socket'])}.{told}"
    for one in host["unseen"]:
        yield {"unseen": [one]}, f"not seen: {_cut(one, _LONG)}"


def _finding(one: Mapping[str, t.Any]) -> str:
    # That of a baseline is whatever somebody keeps in a file.
    what = [_cut(one.get(key)) for key in ("severity", "id", "socket")]
    why = [_cut(one.get(key), _LONG) for key in ("message", "remedy")]
    return f"{what[0]} {what[1]}, {what[2]}: {' '.join(why)}"


def _declared(one: Mapping[str, t.Any], who: Mapping[str, t.Any]) -> str:
    proof = who["proof"]
    told = f" {_cut(proof['message'], _LONG)}" if proof else ""
    path = who.get("endpoint", one["path"])
    verb = "allows" if "endpoint" in who else "refuses"
    return f"{_cut(one['name'])} {verb} {_cut(who['principal'])} at {_cut(path)}.{told}"


def _lists(baseline: Json | None) -> Iterator[tuple[str, list[t.Any]]]:
    return ((key, one) for key, one in (baseline or {}).items() if isinstance(one, list))


def _drift(key: str, one: t.Any) -> str:
    """Return what is different since the baseline."""
    about, what = key.split("_", 1)
    words = f"{about.removesuffix('s')} {what.replace('_', ' ')} since the baseline"
    if not isinstance(one, Mapping):
        return f"{words}."
    if "message" in one:
        return f"{words}: {_finding(one)}"
    changes = [
        f"{each['what']} {each['before']} -> {each['after']}" for each in one.get("changes", ())
    ]
    who = [f"who can connect: {one['reach']}"] if one.get("reach") else []
    told = _cut("; ".join([*changes, *who]), _LONG)
    return f"{words}: {_cut(one['socket'])}{f', {told}' if told else ''}."


def _with(document: Json, hosts: list[Json], drift: Mapping[str, t.Any] | None = None) -> Json:
    """Return the document with no other hosts, and of the baseline nothing else."""
    baseline = document["baseline"]
    if baseline is not None:
        baseline = {**baseline, **{key: [] for key, dummy in _lists(baseline)}, **(drift or {})}
    alone = report(hosts, document["generated"])
    return {**document, **alone, "baseline": baseline}


def _listed(hosts: list[str]) -> str:
    first = ", ".join(hosts[:_HOSTS])
    return first if len(hosts) <= _HOSTS else f"{first} and {len(hosts) - _HOSTS} more"


def _cut(value: t.Any, longest: int = _SHORT) -> str:
    """Return a text of one line that is no longer than that, with control characters shown."""
    text = str(value)
    short = text if len(text) <= longest else f"{text[:longest]} ..."
    return shown(short, kept="")
