# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A unit that is not there: in which manager it was looked for, and what else it may be."""

from __future__ import annotations

from typing import cast

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.converge.record import (
    Record,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.accounts import (
    Accounts,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.shown import Shown
from ansible_collections.unixsocket.access.plugins.module_utils._engine.keeper import Keeper
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.words import Numbers
from ansible_collections.unixsocket.access.plugins.module_utils._engine.survey import Surveyed
from ansible_collections.unixsocket.access.plugins.module_utils._engine.task import Task
from unit.planner.facts import declare


@pytest.mark.parametrize(
    ("user", "where", "other"),
    [
        (
            None,
            "does not exist on this host; ",
            "declare unit_user if it is a unit of a user's own",
        ),
        ("anna", "does not exist in the manager of user anna; ", "leave unit_user out if it is"),
    ],
)
def test_a_unit_that_is_not_there(user: str | None, where: str, other: str) -> None:
    keeper = Keeper(cast(Accounts, None), Numbers(), Record(), check=False)
    declared = declare("user nginx")._replace(unit="app.service", unit_user=user)
    unit = Shown("app.service", exists=False, active=False)
    keeper._missing(Task(declared, "socket app"), cast(Surveyed, None), unit)
    (said,) = keeper.problems
    assert said.startswith("The unit app.service, declared for the socket ")
    assert where in said
    assert other in said
