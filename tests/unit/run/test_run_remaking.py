# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the record has of an endpoint, looked at for what the host has no more."""

from __future__ import annotations

from typing import cast

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.converge.record import (
    Entry,
    Record,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.converge.steps import Want
from ansible_collections.unixsocket.access.plugins.module_utils._engine.endpoints import (
    Parts,
    maker_of,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.keep.parts import Served
from ansible_collections.unixsocket.access.plugins.module_utils._engine.keeper import Keeper
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.access import Access
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.acl import Acl
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.chain import Chain
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.foreseen import (
    as_it_stands,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.remaking import Remaking
from ansible_collections.unixsocket.access.plugins.module_utils._engine.report import Seen
from ansible_collections.unixsocket.access.plugins.module_utils._engine.resources.file import (
    ManagedFile,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.serving import Serving
from ansible_collections.unixsocket.access.plugins.module_utils._engine.survey import Surveyed
from unit.planner.facts import GROUPS, chain
from unit.run.test_run_serving import AT, forward, make, parts_of, surveyed

CLOSED = Access(100, 500, Acl.from_mode(0o660))


class Kept:
    """Stands for the keeper: it is told which files to keep."""

    def serve(self, served: Served, holder: str, chain: Chain) -> list[Want]:
        return [cast(Want, file.path) for file in served.files]


def made(method: str) -> tuple[Parts, Served]:
    """Make an endpoint as a whole run does."""
    # Which every host with systemd has.
    parts = parts_of(method, **({"engine": "systemd-socket-proxyd"} if method == "proxy" else {}))
    served, dummy = forward(make(), parts, CLOSED)
    assert served is not None
    return parts, served


def look_again(method: str, parts: Parts, served: Served, check: bool) -> tuple[Serving, Surveyed]:
    """Look at it as the host's own runs do."""
    ((place, task),) = parts.served
    entries = {}
    for file in served.files:
        content = ManagedFile(file.path).request_to_json(file.content.encode())
        entries[f"file:{file.path}"] = Entry({}, {}, {maker_of(task, method): content})
    again = make(check=check)
    one = surveyed(task.declared, chain(CLOSED))
    seen = Seen(parts, place, task, one)
    remaking = Remaking(Record(entries), cast(Keeper, Kept()), again)
    assert len(remaking.wants(seen, method)) == len(served.files)
    return again, one


@pytest.mark.parametrize("method", ["proxy", "gate"])
@pytest.mark.parametrize("check", [True, False])
def test_a_group_that_lost_its_name(
    monkeypatch: pytest.MonkeyPatch, method: str, check: bool
) -> None:
    """systemd starts no service with it, so the endpoint is gone with the next start."""
    there = made(method)
    again, one = look_again(method, *there, check)
    assert (again.problems, one.absentees) == ([], [])
    monkeypatch.delitem(GROUPS, "staff")
    again, one = look_again(method, *there, check)
    what = (
        f"The group with the id 500, by which the {method} at {AT} gets to the socket behind it, has "
        "no name on this host"
    )
    if check:
        assert [as_it_stands(said) for said in one.absentees] == [
            f"{what} any more; create it again, or correct the declaration and run the playbook."
        ]
    else:
        assert again.problems == [f"{what}; create it again, or run the playbook."]
