# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""What the hosts answered, as one document.

``FORMAT`` goes up with a change that a reader could stumble over; keys that are added do not
change it.  docs/report.schema.json describes the document.
"""

from __future__ import annotations

import hashlib
import typing as t
from collections.abc import Iterable, Mapping, Sequence

from .shape import CONNECTIONS, INFO, POLICY, SEVERITIES, Misfit, taken

FORMAT = 1
COLLECTION = "unixsocket.access"
VERSION = "1.0.0"
STATES = ("ok", "partial", "failed", "unreachable")

Json = dict[str, t.Any]

# Longer messages are a module's traceback, of which the beginning says what there is to know.
_LONGEST = 4000
# What a host finds itself of a socket that is not as it was put into effect there.
_TOLD = ("drift", "hook-missing", "membership-missing", "declared-gone")
_NEVER_ASKED = (
    "This host was not asked: it had failed or become unreachable in an earlier task of the play."
)


class Answers(t.NamedTuple):
    """The results that Ansible registered for one host; None where there is none."""

    info: Mapping[str, t.Any] | None
    policy: Mapping[str, t.Any] | None
    proofs: Mapping[str, t.Any] | None


def report(hosts: Iterable[Json], generated: str) -> Json:
    """Return the document; ``generated`` is a time as in RFC 3339."""
    entries = sorted(hosts, key=lambda one: str(one["name"]))
    return {
        "format": FORMAT,
        "generated": generated,
        "collection": {"name": COLLECTION, "version": VERSION},
        "summary": _summary(entries),
        "hosts": entries,
        "baseline": None,
        "assertions": [],
    }


def bare_entry(name: str) -> Json:
    """Return a host that has nothing."""
    return {
        "name": name,
        "state": "ok",
        "errors": [],
        "sockets": [],
        "declared": None,
        "changes": [],
        "findings": [],
        "unseen": [],
    }


def host_entry(name: str, answers: Answers) -> Json:
    """Return what one host answered, or why it did not."""
    entry = bare_entry(name)
    info = answers.info
    if info is None:
        return {**entry, **_no_answer("failed", _NEVER_ASKED)}
    if info.get("unreachable"):
        return {**entry, **_no_answer("unreachable", _message(info))}
    if info.get("failed") or "sockets" not in info:
        return {**entry, **_no_answer("failed", _message(info))}
    try:
        entry |= taken(info, INFO, "socket_info")
    except Misfit as misfit:
        return {**entry, **_no_answer("failed", str(misfit))}
    _add_declared(entry, answers)
    entry["findings"].sort(key=_worst_first)
    return entry


def told_apart(document: Mapping[str, t.Any]) -> Json:
    """Return what makes one document another one: all but times and what holds for a moment.

    Process ids, inode numbers and open connections differ from one look to the next on a host
    where nothing happened.
    """
    return {
        "hosts": [
            {**host, "sockets": [_lasting(one) for one in host["sockets"]]}
            for host in document["hosts"]
        ],
        "baseline": document["baseline"],
        "assertions": document["assertions"],
    }


def _lasting(socket: Mapping[str, t.Any]) -> Json:
    momentary = ("device", "inode", "connections", "connected", "processes")
    return {key: value for key, value in socket.items() if key not in momentary}


def _no_answer(state: str, message: str) -> Json:
    return {"state": state, "errors": [{"step": "sockets", "message": message}]}


def _message(result: Mapping[str, t.Any]) -> str:
    """Return why a task gave no result."""
    if result.get("skipped"):
        return "The task was skipped."
    said = str(result.get("msg") or "").strip()
    # A module that could not even start leaves its reason here.
    details = str(result.get("module_stderr") or "").strip()
    text = " ".join(part for part in (said, details if details not in said else "") if part)
    return (text or "The task gave no reason.")[:_LONGEST]


def _add_declared(entry: Json, answers: Answers) -> None:
    """Add what is declared for the host, where something is, and what came of it."""
    policy = answers.policy
    if policy is None or (policy.get("skipped") and not policy.get("failed")):
        return
    if policy.get("failed") or policy.get("unreachable") or "sockets" not in policy:
        _in_part(entry, "declaration", _message(policy))
        return
    try:
        answered = taken(policy, POLICY, "socket_policy")
    except Misfit as misfit:
        _in_part(entry, "declaration", str(misfit))
        return
    entry["changes"] = answered["changes"]
    proofs = _proofs(entry, answers.proofs)
    sockets = {path: one for one in entry["sockets"] for path in _paths(one)}
    entry["declared"] = [
        _declared(name, one, sockets, proofs) for name, one in sorted(answered["sockets"].items())
    ]
    entry["findings"] += _unlike_the_inventory(entry)
    entry["findings"] += _failed_proofs(entry)


def _paths(socket: Mapping[str, t.Any]) -> list[str]:
    return [*([socket["path"]] if socket["path"] else []), *socket["mounted_at"]]


_Proofs = dict[tuple[str, str], Mapping[str, t.Any]]


def _proofs(entry: Json, asked: Mapping[str, t.Any] | None) -> _Proofs:
    """Return what came of every connection, by path and principal."""
    found: _Proofs = {}
    if asked is None or (asked.get("skipped") and not asked.get("failed")):
        return found
    results = asked.get("results", [asked])
    for one in results:
        if one.get("failed") or one.get("unreachable"):
            _in_part(entry, "proof", _message(one))
        try:
            connections = taken(one.get("connections") or [], CONNECTIONS, "socket_probe")
        except Misfit as misfit:
            _in_part(entry, "proof", str(misfit))
            continue
        asked_by = one.get("ansible_loop_var", "item")
        for answer in connections:
            found[one[asked_by]["path"], answer["principal"]] = answer
    return found


def _in_part(entry: Json, step: str, message: str) -> None:
    entry["state"] = "partial"
    entry["errors"].append({"step": step, "message": message})


def _declared(
    name: str, one: Mapping[str, t.Any], sockets: Mapping[str, Json], proofs: _Proofs
) -> Json:
    path = one["path"]
    # A gate lets the connection of a caller in whom it refuses then, so only a refusal says something.
    gates = {grant["endpoint"] for grant in one["grants"] if grant["method"] == "gate"}
    at_gate = path in gates
    return {
        "name": name,
        "path": path,
        "exists": one["exists"],
        "grants": [
            {
                **grant,
                "can_connect": _can(sockets.get(grant["endpoint"]), grant["principal"]),
                "proof": _proof(proofs.get((grant["endpoint"], grant["principal"])), True),
            }
            for grant in one["grants"]
        ],
        "refused": [
            {
                "principal": refused["principal"],
                "can_connect": None if at_gate else _can(sockets.get(path), refused["principal"]),
                "proof": _proof(proofs.get((path, refused["principal"])), False, at_gate),
            }
            for refused in one["refused"]
        ],
        "kept_by": one["kept_by"],
        "notes": one["notes"],
    }


def _can(socket: Mapping[str, t.Any] | None, principal: str) -> bool | None:
    """Tell whether the permissions let a principal connect; None where that is not known."""
    reach = None if socket is None else socket["reach"]
    if reach is None:
        return None
    kind, dummy, name = principal.partition(" ")
    if reach["everyone"]:
        return name not in reach[f"refused_{kind}s"]
    if name in reach[f"{kind}s"]:
        return True
    # The host calls users and groups by name, and a declaration may have the number of one.
    return None if name.isdigit() else False


def _proof(
    answer: Mapping[str, t.Any] | None, connects: bool, at_gate: bool = False
) -> Json | None:
    """Return a connection beside what was expected; ``held`` is None where it tells neither."""
    if answer is None:
        return None
    connected, refused = answer["connected"], answer["refused"]
    held = None
    if refused or (connected and not at_gate):
        held = connected is connects
    return {
        "expected": "connected" if connects else "refused",
        "result": "connected" if connected else answer["errno"],
        "held": held,
        "message": answer["message"],
    }


def _unlike_the_inventory(entry: Json) -> t.Iterator[Json]:
    """Yield a finding for each declared socket that the next run would do something about.

    The host itself reports where it differs from what was put into effect there; this is about
    what the inventory says and nobody has put into effect.
    """
    known = {one["socket"] for one in entry["findings"] if one["id"] in _TOLD}
    for one in entry["declared"]:
        mine = [sentence for sentence in entry["changes"] if _is_about(sentence, one)]
        if mine and one["path"] not in known:
            yield {
                "id": "inventory-drift",
                "severity": "medium",
                "socket": one["path"],
                "message": (
                    f"The inventory declares {one['name']} in another way than it is on the host; "
                    f"the next run would change this: {' '.join(mine)}"
                ),
                "remedy": "Run the playbook unixsocket.access.apply, or correct the declaration.",
            }


def _is_about(sentence: str, declared: Mapping[str, t.Any]) -> bool:
    """Tell whether a change is one of this socket's, by its path or by the name of its files."""
    ends = {grant["endpoint"] for grant in declared["grants"]}
    marks = [_mark(declared["name"], end) for end in ends]
    for word in sentence.replace("'", " ").replace('"', " ").split():
        word = word.rstrip(".,:;)").lstrip("(")
        if word == declared["path"] or word.startswith(declared["path"] + ":"):
            return True
        stem = word.rpartition("/")[2]
        if stem == f"{declared['name']}.json" or stem in _files(declared["name"]):
            return True
        if any(mark in stem for mark in marks):
            return True
    return any(end in sentence for end in ends)


def _files(name: str) -> set[str]:
    kinds = ("path", "service", "socket")
    starts = (f"socket-access-{name}", f"socket-access-gate-{name}")
    return {
        *(f"50-{start}.conf" for start in starts),
        *(f"{start}.{kind}" for start in starts for kind in kinds),
    }


def _mark(name: str, at: str) -> str:
    """Return what the names of all files and units of an endpoint have in them."""
    data = f"{name}\0{at}".encode("utf-8", "surrogateescape")
    return f"-{hashlib.sha256(data).hexdigest()[:8]}."


def _failed_proofs(entry: Json) -> t.Iterator[Json]:
    for one in entry["declared"]:
        for grant in one["grants"]:
            if grant["proof"] and grant["proof"]["held"] is False:
                yield {
                    "id": "grant-failed",
                    "severity": "medium",
                    "socket": grant["endpoint"],
                    "message": (
                        f"{one['name']} allows {grant['principal']}, but: "
                        f"{grant['proof']['message']}"
                    ),
                    "remedy": "Run the playbook unixsocket.access.apply; on the host, "
                    f"socket-access explain {grant['endpoint']} USER says why.",
                }
        for refused in one["refused"]:
            if refused["proof"] and refused["proof"]["held"] is False:
                yield {
                    "id": "refusal-failed",
                    "severity": "high",
                    "socket": one["path"],
                    "message": (
                        f"{one['name']} refuses {refused['principal']}, but: "
                        f"{refused['proof']['message']}"
                    ),
                    "remedy": "Run the playbook unixsocket.access.apply.",
                }


def _worst_first(finding: Mapping[str, t.Any]) -> tuple[int, str, str]:
    return SEVERITIES.index(finding["severity"]), finding["id"], finding["socket"]


def _summary(hosts: Sequence[Json]) -> Json:
    severities = [one["severity"] for host in hosts for one in host["findings"]]
    grants = [
        grant
        for host in hosts
        for declared in host["declared"] or ()
        for grant in (*declared["grants"], *declared["refused"])
    ]
    proofs = [grant["proof"]["held"] for grant in grants if grant["proof"]]
    return {
        "hosts": {
            "all": len(hosts),
            **{state: sum(host["state"] == state for host in hosts) for state in STATES},
        },
        "sockets": sum(len(host["sockets"]) for host in hosts),
        "findings": {
            "all": len(severities),
            **{severity: severities.count(severity) for severity in SEVERITIES},
        },
        "declared": sum(len(host["declared"] or ()) for host in hosts),
        "differing": sum(bool(host["changes"]) for host in hosts),
        "proofs": {
            "all": len(proofs),
            "held": proofs.count(True),
            "failed": proofs.count(False),
        },
    }
