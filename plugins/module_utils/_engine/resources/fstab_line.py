# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""The line of /etc/fstab that lets a user mount one socket."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import AccessError
from ..faults import in_words
from ..host import fstab as file
from ..host.systemd import Manager
from ..model import fstab
from . import base


@dataclass(frozen=True)
class FstabState:
    """The lines of ours for one target: none or one, more only after somebody copied it.

    ``clean`` is False where a run that was killed left an unfinished file behind.  ``missing`` tells
    that there was no file at all.
    """

    lines: tuple[bytes, ...] = ()
    clean: bool = True
    missing: bool = field(default=False, compare=False)


class FstabLine(base.Resource[FstabState, bytes]):
    """One line; a request is what ``model.fstab.user_line`` returns."""

    def __init__(
        self, target: str, *, manager: Manager | None = None, path: str = file.FSTAB
    ) -> None:
        """``manager`` makes its .mount units from the file (systemd-fstab-generator(8))."""
        self.target = target
        self.key = f"fstab:{target}"
        self._manager = manager
        self._path = path
        self._found: list[fstab.Line] = []
        self._written = False

    def read(self) -> FstabState | None:
        self._found = []
        text = file.read(self._path)
        clean = not file.is_unfinished(self._path)
        if text is None:
            return FstabState(clean=clean, missing=True)
        self._found = fstab.find(text, self.target)
        return FstabState(tuple(line.raw for line in self._found if line.ours), clean)

    def wanted(self, base: FstabState, requests: Mapping[str, bytes]) -> FstabState:
        lines = set(requests.values())
        if len(lines) > 1:
            raise AccessError(
                f"{' and '.join(sorted(requests))} want different mounts on {self.target}; give "
                "one of the two another path for its endpoint."
            )
        line = lines.pop()
        self._refuse_others(line)
        return FstabState((line,), missing=base.missing)

    def without_us(
        self, current: FstabState, before: FstabState, applied: FstabState
    ) -> FstabState:
        """It carries our mark, so it is ours as a whole."""
        return before

    def remembered(self, before: FstabState, base: FstabState) -> FstabState:
        """A line with our mark is never what was there before us."""
        return FstabState(missing=before.missing)

    def write(self, target: FstabState) -> None:
        current = self.read()
        if current == target:
            return
        text = file.read(self._path)
        after = text or b""
        if target.lines:
            self._refuse_others(target.lines[0])
            after = fstab.with_line(after, target.lines[0])
        elif text is not None:
            after = fstab.without_line(after, self.target)
        try:
            file.clear_away(self._path)
            if not after and target.missing and not target.lines:
                file.remove(self._path)
            elif after != (text or b""):
                file.replace(after, self._path)
        except OSError as error:
            raise AccessError(f"{self._path} cannot be written: {in_words(error)}") from error
        self._written = True
        if self._manager is not None:
            self._manager.changed()

    def interrupted(self) -> None:
        self._written = True
        if self._manager is not None:
            self._manager.changed()

    def settle(self) -> None:
        if self._written and self._manager is not None and self._manager.is_up():
            self._manager.reload()
        self._written = False

    def place(self, current: FstabState, target: FstabState) -> int:
        return base.FILES_COME if target.lines else base.FILES_GO

    def in_words(self, state: FstabState | None) -> str:
        if state is None or not state.lines:
            return f"{self._path}: no line of ours for {self.target}\n"
        return f"{self._path}\n" + "".join(f"  {_shown(line)}\n" for line in state.lines)

    def changes(self, current: FstabState, target: FstabState) -> list[str]:
        if current.lines == target.lines:
            return [f"What an interrupted run left beside {self._path} is removed."]
        if not target.lines:
            return [f"The line for {self.target} is removed from {self._path}."]
        if not current.lines:
            return [f"A line for {self.target} is added to {self._path}."]
        if len(current.lines) > 1:
            return [f"The {len(current.lines)} lines for {self.target} in {self._path} become one."]
        return [f"The line for {self.target} in {self._path} is replaced."]

    def state_to_json(self, state: FstabState) -> Any:
        lines = [base64.b64encode(line).decode() for line in state.lines]
        return {"lines": lines, "missing": state.missing}

    def state_from_json(self, data: Any) -> FstabState:
        lines = tuple(base64.b64decode(line) for line in data["lines"])
        return FstabState(lines, missing=data["missing"])

    def request_to_json(self, request: bytes) -> Any:
        return base64.b64encode(request).decode()

    def request_from_json(self, data: Any) -> bytes:
        return base64.b64decode(data)

    def _refuse_others(self, line: bytes) -> None:
        [mine] = fstab.parse(line)
        source = os.fsdecode(mine.source)
        problem = fstab.in_the_way(self._found, source, self.target, self._path)
        if problem is not None:
            raise AccessError(problem)


def _shown(line: bytes) -> str:
    return line.decode("utf-8", "backslashreplace").rstrip("\r")
