# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Whether a unit of the collection runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ..host import atomic_file
from ..host.systemd import Manager, runs_in
from ..shortcut import MEMORY
from . import base

# Where systemd keeps when a persistent timer elapsed last (systemd.timer(5)).
_STAMPS = "/var/lib/systemd/timers"


def memory_of(unit: str) -> str | None:
    """Return the file in which a unit that watches, or a timer, remembers what happened."""
    if unit.endswith(".path"):
        return f"{MEMORY}/{unit[len('socket-access-') : -len('.path')]}"
    return f"{_STAMPS}/stamp-{unit}" if unit.endswith(".timer") else None


def started_anew(unit: str) -> str:
    """Return what is done with a unit that runs, and whose socket no client finds any more."""
    return f"Unit {unit} is started anew, because nobody listens at its path any more."


class Running(NamedTuple):
    """Whether a unit runs; not ``clean``: one that does not has left something behind it.

    That is what a run that was killed did not come to take away: a service that failed meanwhile,
    or a second look that is still to come.  ``lost``: one that runs has no socket that clients
    find, because the path is gone, or because systemd read its units while the file of this one was; to
    start it once more would do nothing.
    """

    active: bool
    clean: bool = True
    lost: bool = False


class UnitState(base.Resource[Running, bool]):
    """One unit that watches or listens, started now; what starts it at boot is a file.

    With it goes the service that it starts, and what that remembers in the file ``memory``.  A
    service that takes its own timer away goes on to its end.
    """

    def __init__(
        self,
        unit: str,
        manager: Manager,
        memory: str | None = None,
        active: bool | None = None,
        *,
        makes: str | None = None,
        lost: bool = False,
    ) -> None:
        """``active`` spares a call where it is known already.

        ``makes`` is the path of the socket that the unit makes, ``lost``: nobody listens there.
        """
        self.makes_sockets = unit.endswith(".socket")
        self.makes = makes
        self._lost = lost
        self._memory = memory
        self.unit = unit
        self.key = f"unit:{unit}"
        self._manager = manager
        self._known = Running(active, lost=active and lost) if active is not None else None
        stem = unit.rpartition(".")[0]
        service = f"{stem}.service"
        self._service = None if runs_in(service) else service
        parts = [unit] if self._service is None else [unit, service, f"{stem}-again.timer"]
        self._parts = parts if active is None else []
        manager.expect(self._parts)

    def read(self) -> Running | None:
        if not self._manager.is_up():
            return None
        if self._known is None:
            own, *others = self._manager.look(self._parts)
            left = own.failed
            if others:
                service, timer = others
                left = left or service.active or service.failed or timer.active
            lost = own.active and self._lost
            self._known = Running(own.active, own.active or not left, lost)
        return self._known

    def losing(self, current: Running) -> Running:
        """Return the state when the path goes with another unit, which had the same one."""
        self._known = current._replace(lost=current.active)
        return self._known

    def wanted(self, base: Running, requests: Mapping[str, bool]) -> Running:
        return Running(True)

    def without_us(self, current: Running, before: Running, applied: Running) -> Running:
        return Running(False)

    def write(self, target: Running) -> None:
        if target.active and self._known is not None and self._known.lost:
            self._manager.ask_anew(self.unit)
        else:
            self._manager.ask(self.unit, active=target.active)
        if not target.active and self._service is not None:
            self._manager.ask(self._service, active=False)
        self._known = target

    def settle(self) -> None:
        self._manager.carry_out()
        if self._memory is not None and self._known is not None and not self._known.active:
            atomic_file.remove(self._memory)

    def place(self, current: Running, target: Running) -> int:
        if not target.active:
            return base.UNITS_STOP
        return base.UNITS_START if self.makes_sockets else base.WATCHES_START

    def in_words(self, state: Running | None) -> str:
        active = state is not None and state.active
        lost = ", and nobody listens at its path" if state is not None and state.lost else ""
        return f"unit {self.unit} is {'active' if active else 'inactive'}{lost}\n"

    def changes(self, current: Running, target: Running) -> list[str]:
        if current.lost and target.active:
            return [started_anew(self.unit)]
        if current.active == target.active:
            return [f"What an interrupted run left of unit {self.unit} is taken away."]
        return [f"Unit {self.unit} is {'started' if target.active else 'stopped'}."]

    def state_to_json(self, state: Running) -> Any:
        return state.active

    def state_from_json(self, data: Any) -> Running:
        return Running(bool(data))

    def request_to_json(self, request: bool) -> Any:
        return request

    def request_from_json(self, data: Any) -> bool:
        return bool(data)
