# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Whether a unit of the collection runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..host import atomic_file
from ..host.systemd import Manager
from . import base


class UnitState(base.Resource[bool, bool]):
    """One unit that watches, started now; what starts it at boot is a file.

    With it goes the service that it starts, and what that remembers in the file ``memory``.
    """

    def __init__(
        self, unit: str, manager: Manager, memory: str, active: bool | None = None
    ) -> None:
        """``active`` spares a call where it is known already."""
        self._memory = memory
        self.unit = unit
        self.key = f"unit:{unit}"
        self._manager = manager
        self._active = active

    def read(self) -> bool | None:
        if not self._manager.is_up():
            return None
        if self._active is None:
            self._active = self._manager.show([self.unit])[0].active
        return self._active

    def wanted(self, base: bool, requests: Mapping[str, bool]) -> bool:
        return True

    def without_us(self, current: bool, before: bool, applied: bool) -> bool:
        return False

    def write(self, target: bool) -> None:
        self._manager.ask(self.unit, active=target)
        if not target:
            self._manager.ask(f"{self.unit.rpartition('.')[0]}.service", active=False)
        self._active = target

    def settle(self) -> None:
        self._manager.carry_out()
        if not self._active:
            atomic_file.remove(self._memory)

    def place(self, current: bool, target: bool) -> int:
        return base.UNITS_START if target else base.UNITS_STOP

    def in_words(self, state: bool | None) -> str:
        return f"unit {self.unit} is {'active' if state else 'inactive'}\n"

    def changes(self, current: bool, target: bool) -> list[str]:
        return [f"Unit {self.unit} is {'started' if target else 'stopped'}."]

    def state_to_json(self, state: bool) -> Any:
        return state

    def state_from_json(self, data: Any) -> bool:
        return bool(data)

    def request_to_json(self, request: bool) -> Any:
        return request

    def request_from_json(self, data: Any) -> bool:
        return bool(data)
