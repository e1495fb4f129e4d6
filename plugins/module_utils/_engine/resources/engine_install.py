# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""The engine on the host as one resource: there, in the version that is running, or not there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import AccessError
from ..faults import in_words
from ..host import installed
from . import base


@dataclass(frozen=True)
class EngineState:
    """The version that is there, None for none; ``missing`` directories are made for it.

    ``clean`` is False where a run that was killed left something to be cleared away.
    """

    version: str | None
    clean: bool = True
    missing: tuple[str, ...] = field(default=(), compare=False)


class EngineInstall(base.Resource[EngineState, str]):
    """The engine; a request is the version that its holder ran with, and the running one wins."""

    def __init__(self, place: installed.Place | None = None) -> None:
        self._place = place or installed.Place()
        self.key = f"engine:{self._place.library}"
        self._known: dict[str, installed.Engine] = {}

    def read(self) -> EngineState | None:
        self._place.check_ours()
        engine = self._place.read()
        clean = not self._place.interrupted()
        if engine is None:
            return EngineState(None, clean, self._place.missing_directories())
        # Kept so that a run that fails can put it back.
        self._known[engine.version] = engine
        return EngineState(engine.version, clean)

    def wanted(self, base: EngineState, requests: Mapping[str, str]) -> EngineState:
        return EngineState(installed.version(), missing=base.missing)

    def without_us(
        self, current: EngineState, before: EngineState, applied: EngineState
    ) -> EngineState:
        """Nobody else installs it, so whatever version is there was put there by us."""
        return EngineState(None, missing=before.missing)

    def write(self, target: EngineState) -> None:
        if self.read() == target:
            return
        try:
            if target.version is None:
                self._place.remove(target.missing)
            else:
                self._place.install(self._engine(target.version))
        except OSError as error:
            how = "removed from" if target.version is None else "installed at"
            raise AccessError(
                f"The engine cannot be {how} {self._place.library}: {in_words(error)}"
            ) from error

    def place(self, current: EngineState, target: EngineState) -> int:
        return base.ENGINE_GOES if target.version is None else base.ENGINE_COMES

    def in_words(self, state: EngineState | None) -> str:
        if state is None or state.version is None:
            return f"{self._place.library}: no engine\n"
        return f"{self._place.library}: engine {state.version}\n"

    def changes(self, current: EngineState, target: EngineState) -> list[str]:
        library, command = self._place.library, self._place.command
        if target.version is None:
            return [f"{library} and {command} are removed."]
        if current.version is None:
            return [f"The engine {target.version} is installed as {library}, with {command}."]
        if current.version == target.version:
            return [f"What an interrupted run left beside {library} is removed."]
        return [f"The engine in {library} changes from {current.version} to {target.version}."]

    def state_to_json(self, state: EngineState) -> Any:
        return {"missing": list(state.missing)}

    def state_from_json(self, data: Any) -> EngineState:
        """Only what was there besides the engine is remembered, for it is always ours."""
        return EngineState(None, missing=tuple(data["missing"]))

    def request_to_json(self, request: str) -> Any:
        return request

    def request_from_json(self, data: Any) -> str:
        return str(data)

    def _engine(self, version: str) -> installed.Engine:
        return self._known[version] if version in self._known else installed.own()
