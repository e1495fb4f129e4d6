# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""The rules as a file, read again when it or the host's accounts change."""

from __future__ import annotations

import json
import os
from collections.abc import Callable

from ..errors import AccessError
from .rules import GateRules, from_json

PLACE = "/etc/socket-access/gates/{}.json"
# Names of the rules may mean other ids after a change of these.
_ACCOUNTS = ("/etc/passwd", "/etc/group")
_LOOK_AGAIN = 1.0
_LARGEST = 1 << 20

Stamp = tuple[object, ...]


class RulesFile:
    """The rules in one file.  ``say`` gets a sentence for people, and whether it is a problem."""

    def __init__(self, path: str) -> None:
        """Read the rules; raises AccessError where there are none that can be understood."""
        self.path = path
        self.say: Callable[[str, bool], None] = lambda text, problem: None
        self._stamp = self._now()
        self._looked = 0.0
        self._rules = self._read()

    def current(self, now: float) -> GateRules:
        """Return the rules; at most once a second it is seen whether they changed.

        ``now`` is a monotonic time in seconds.
        """
        if now - self._looked >= _LOOK_AGAIN:
            self._looked = now
            if self._now() != self._stamp:
                self.reread()
        return self._rules

    def reread(self) -> None:
        """Read the rules again; those that cannot be understood leave the old ones in force."""
        self._stamp = self._now()
        try:
            new = self._read()
            _must_not_change(self._rules, new)
        except AccessError as error:
            self.say(f"{error} The rules from before stay in force.", True)
            return
        before, self._rules = self._rules, new
        if new != before:
            self.say(f"The rules were read again from {self.path}.", False)
        self.tell_unresolved(before.unresolved)

    def tell_unresolved(self, known: tuple[str, ...] = ()) -> None:
        """Say which names nobody has, unless that is ``known``."""
        for name in self._rules.unresolved:
            if name not in known:
                self.say(f"There is no {name} on this host; it may not come in.", True)

    def _read(self) -> GateRules:
        try:
            with open(self.path, "rb") as file:
                content = file.read(_LARGEST + 1)
        except OSError as error:
            raise AccessError(
                f"The rules in {self.path} cannot be read: {error.strerror}."
            ) from error
        if len(content) > _LARGEST:
            raise AccessError(f"The rules in {self.path} are larger than {_LARGEST} bytes.")
        try:
            return from_json(json.loads(content))
        except (ValueError, RecursionError) as error:
            raise AccessError(f"The rules in {self.path} are not JSON: {error}.") from error
        except AccessError as error:
            raise AccessError(f"{self.path}: {error}") from error

    def _now(self) -> Stamp:
        return tuple(_stamp(path) for path in (self.path, *_ACCOUNTS))


def _stamp(path: str) -> tuple[int, ...]:
    try:
        status = os.stat(path)
    except OSError:
        return ()
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def _must_not_change(old: GateRules, new: GateRules) -> None:
    for key in ("name", "path", "type"):
        if getattr(old, key) != getattr(new, key):
            raise AccessError(f"The {key} of a gate cannot change while it runs; restart its unit.")
    if bool(old.command) != bool(new.command):
        raise AccessError(
            "A gate cannot turn from forward to command or back while it runs; restart its unit."
        )
