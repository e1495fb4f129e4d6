# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""What a run promises and what it did, in the form in which a door returns it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from .host.accounts import Accounts
from .model.account import Credentials
from .model.plan import SocketPlan
from .policy.types import SocketPolicy
from .proofs import Expectation, Proof
from .survey import Surveyed, credentials_of

_ANYBODY = "somebody who is not declared"


@dataclass
class Result:
    """What a run did, in the form in which a door returns it."""

    changed: bool
    changes: list[str]
    diff: dict[str, str]
    sockets: dict[str, Any]
    warnings: list[str] = field(default_factory=list)


def expectations(
    declared: SocketPolicy, plan: SocketPlan, accounts: Accounts, nobody: Credentials
) -> list[Expectation]:
    """Return all that the plan promises, with identities as the host has them now."""
    asked = [(str(grant.principal), grant.principal, True) for grant in declared.allow]
    asked += [(str(principal), principal, False) for principal in declared.refuse]
    found = []
    for label, principal, connects in asked:
        who = credentials_of(accounts, principal, nobody)
        if who is not None:
            found.append((label, who, connects))
    found.append((_ANYBODY, nobody, plan.open_to_all))
    return [
        Expectation(declared.name, declared.path, declared.type, label, who, connects)
        for label, who, connects in found
    ]


def socket_result(
    one: Surveyed, plan: SocketPlan, proofs: Sequence[Proof], kept: Sequence[str]
) -> dict[str, Any]:
    """Return what was declared, decided and proven for one socket."""
    by_label = {proof.expectation.label: proof.as_dict() for proof in proofs}
    return {
        "path": one.declared.path,
        "exists": one.facts.chain.leaf is not None,
        "grants": [
            {
                "principal": str(grant.principal),
                "method": choice.method,
                "reason": choice.reason,
                "rejected": [vars(rejected) for rejected in choice.rejected],
                "endpoint": one.declared.path,
                "proof": by_label.get(str(grant.principal)),
            }
            for grant, choice in zip(one.declared.allow, plan.choices)
        ],
        "refused": [
            {"principal": str(principal), "proof": by_label.get(str(principal))}
            for principal in one.declared.refuse
        ],
        "others": {"proof": by_label.get(_ANYBODY)},
        "kept_by": list(kept),
        "notes": [*one.notes, *plan.notes],
    }
