# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Units that are not there, that do not start, and what is known of their groups and clients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine import keeper as room
from ansible_collections.unixsocket.access.plugins.module_utils._engine.converge.record import (
    Record,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.endpoints import Place
from ansible_collections.unixsocket.access.plugins.module_utils._engine.errors import AccessError
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.accounts import (
    Accounts,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.shown import Shown
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.systemd import Manager
from ansible_collections.unixsocket.access.plugins.module_utils._engine.keeper import Keeper
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.words import Numbers
from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy import Endpoint
from ansible_collections.unixsocket.access.plugins.module_utils._engine.resources.engine_install import (
    EngineInstall,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.resources.file import (
    ManagedFile,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.resources.unit import (
    UnitState,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.survey import Surveyed
from ansible_collections.unixsocket.access.plugins.module_utils._engine.task import Task
from unit.planner.facts import chain, declare
from unit.run.test_run_serving import Known, surveyed


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


class _Manager:
    """systemd on paper: web.service is there, and gone.service cannot be started."""

    waits = True

    def show(self, names: Sequence[str]) -> list[Shown]:
        return [Shown(name, name == "web.service", False) for name in names]

    def expect(self, *names: str) -> None:
        """What is asked for later is of no matter here."""

    def start(self, names: Sequence[str]) -> list[str]:
        return [name for name in names if name == "gone.service"]


def keeper_of(*, check: bool = False) -> Keeper:
    keeper = Keeper(cast(Accounts, Known()), Numbers(), Record(), check=check)
    keeper._managers[None] = cast(Manager, _Manager())
    return keeper


def test_a_service_that_does_not_start_passes_nothing_on() -> None:
    keeper = keeper_of()
    keeper.start(["web.service"])
    with pytest.raises(AccessError, match=r"gone\.service cannot be started, .* status gone\.serv"):
        keeper.start(["web.service", "gone.service"])


@pytest.mark.parametrize("check", [False, True])
def test_clients_that_are_told_where_their_socket_is(check: bool) -> None:
    keeper = keeper_of(check=check)
    one = surveyed(declare(), chain())
    places = [
        Place(f"app.{unit}", "proxy", Endpoint(f"/srv/{unit}", client_unit=unit), ())
        for unit in ("web.service", "gone.service", None)
    ]
    wants = keeper.tell_clients(places, one, "socket app")
    assert [want.resource.path for want in wants] == [
        f"/etc/systemd/system/{unit}.d/50-socket-access-app.{unit}.conf"
        for unit in ("web.service", "gone.service")
    ]
    assert one.notes == ["A note.", "web.service finds /srv/web.service when it is started next."]
    told, others = (one.absentees, keeper.problems) if check else (keeper.problems, one.absentees)
    (said,) = told
    assert said.startswith(
        "The unit gone.service, declared as the client of /srv/gone.service, does"
    )
    assert others == []
    keeper.look_for_clients(["web.service", "gone.service"], "/srv/gone.service", one)
    assert told == [said, said]


@pytest.mark.parametrize(
    ("shown", "before", "group"),
    [
        ({"group": "web"}, None, "web"),
        ({}, None, ""),
        ({"user": "app"}, None, "100"),
        ({"user": "lost"}, None, ""),
        ({"user": "app", "group": "web"}, None, "web"),
        # A group that is there only while the service runs is no group to be born with.
        ({"group": "lost", "dynamic": True}, None, ""),
        ({"group": "61184", "dynamic": True}, None, ""),
        ({"group": "staff", "dynamic": True}, None, "staff"),
        # What a drop-in of ours says now is not what the unit said.
        ({"group": "web"}, ("app", True), "app"),
        ({"group": "web"}, ("app", False), "web"),
    ],
)
def test_the_group_of_a_service_without_us(
    monkeypatch: pytest.MonkeyPatch,
    shown: dict[str, object],
    before: tuple[str, bool] | None,
    group: str,
) -> None:
    old = None
    if before is not None:
        declared = declare()._replace(born=before[1])
        old = Task(declared, "socket app", unit_group=before[0])
    monkeypatch.setattr(room, "kept_before", lambda task: old)
    unit = Shown("app.service", True, True)._replace(**shown)
    assert keeper_of()._group_without_us(Task(declare(), "socket app"), unit) == group


def test_what_is_undone_is_what_was_recorded() -> None:
    keeper = keeper_of()
    assert isinstance(keeper.recorded("engine", ""), EngineInstall)
    unit = keeper.recorded("unit", "socket-access-app.path")
    assert isinstance(unit, UnitState)
    file = keeper.recorded("file", "/etc/socket-access/app.json")
    assert isinstance(file, ManagedFile)
    assert file.path == "/etc/socket-access/app.json"
    with pytest.raises(
        AccessError, match=r"User lost is gone, and with it the rights to /home/lost"
    ):
        keeper.recorded("file@lost", "/home/lost/.config/systemd/user/app.d/x.conf")


def test_units_that_are_started_later_come_up_after_this_run() -> None:
    keeper = keeper_of()
    keeper.wait_for_nothing()
    assert keeper._managers[None].waits is False
