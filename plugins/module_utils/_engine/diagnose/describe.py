# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""An explanation as data: the format of ``socket-access explain --json``.

A change that a reader of the format could stumble over gets another number.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..census.describe import entries
from ..host.processes import Process
from ..model.words import Names
from ..reach.walk import Finding, findings, in_words
from .confined import Confinement
from .explanation import Explanation
from .values import Answer, Cause, Change

FORMAT = 1


def described(one: Explanation, names: Names) -> dict[str, Any]:
    """Return all of an explanation."""
    decisive = one.decisive
    return {
        "format": FORMAT,
        "path": one.path,
        "resolved": one.chain.resolved,
        one.principal.kind: one.principal.name,
        "type": one.kind,
        "connects": one.new.connects,
        "refused": one.refused,
        "cause": None if decisive is None else decisive.code,
        "errno": None if decisive is None else decisive.errno,
        "reason": one.reason,
        "causes": [_cause(cause) for cause in one.new.causes],
        "steps": [_step(step, one, names) for step in findings(one.chain, one.who)],
        "socket": _socket(one),
        "processes": [_answer(answer) for answer in one.running],
        "confinement": [_confinement(found) for found in one.confinement],
        "changes": changes_described(one.changes),
        "declaration": None
        if one.proposal is None
        else {
            "sockets": one.proposal.sockets,
            "yaml": one.proposal.yaml,
            "notes": list(one.proposal.notes),
        },
        "notes": list(one.notes),
    }


def changes_described(changes: Iterable[Change]) -> list[dict[str, Any]]:
    """Return changes in the form in which a program can make them."""
    return [_change(one) for one in changes]


def _change(one: Change) -> dict[str, Any]:
    return {
        "action": one.action,
        "text": one.text,
        "path": one.path,
        "value": one.value,
        "file": None if one.file is None else {"path": one.file[0], "content": one.file[1]},
        "commands": [list(words) for words in one.commands],
        "instead": None if one.instead is None else _change(one.instead),
    }


def _cause(one: Cause) -> dict[str, Any]:
    return {
        "id": one.code,
        "errno": one.errno,
        "path": one.path,
        "text": one.text,
        "changes": changes_described(one.changes),
    }


def _step(step: Finding, one: Explanation, names: Names) -> dict[str, Any]:
    part = step.component
    # Where something is missing, the component is the directory that lacks it.
    there = part.path == step.path
    return {
        "path": step.path,
        "kind": part.kind if there else None,
        "owner": names.user_name(part.access.uid) if there else None,
        "group": names.group_name(part.access.gid) if there else None,
        "mode": f"{part.special | part.access.acl.mode:04o}" if there else None,
        "acl": entries(part.access.acl, names) if there and not part.access.acl.minimal else None,
        "permission": step.permission,
        "rule": step.rule,
        "allowed": step.allowed,
        "errno": step.errno,
        "text": in_words(step, one.chain, one.who, names),
    }


def _socket(one: Explanation) -> dict[str, Any] | None:
    if one.socket is None:
        return None
    waiting, most = one.socket.queue or (None, None)
    return {
        "type": one.socket.type,
        "listening": one.socket.takes,
        "unit": None if one.creator is None else one.creator.unit,
        "unit_user": None if one.creator is None else one.creator.user,
        "waiting": waiting if one.socket.type != "dgram" else None,
        "backlog": most if one.socket.type != "dgram" else None,
    }


def _answer(one: Answer) -> dict[str, Any]:
    return {
        "processes": _processes(one.processes),
        "connects": one.connects,
        "cause": one.causes[0].code if one.causes else None,
        "errno": one.causes[0].errno if one.causes else None,
        "causes": [_cause(cause) for cause in one.causes],
        "notes": list(one.notes),
    }


def _processes(processes: Iterable[Process]) -> list[dict[str, Any]]:
    return [
        {"pid": one.pid, "name": one.name, "unit": one.unit, "unit_user": one.user_manager}
        for one in processes
    ]


def _confinement(one: Confinement) -> dict[str, Any]:
    return {
        "module": one.module,
        "label": one.label,
        "mode": one.mode,
        "processes": _processes(one.processes),
        "text": one.text,
    }
