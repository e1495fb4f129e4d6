# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""What systemctl(1) shows and changes of systemd: the system's manager, or one user's own."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..errors import AccessError
from . import commands

_SECONDS = 90.0
_PROPERTIES = (
    "LoadState",
    "ActiveState",
    "SubState",
    "Listen",
    "User",
    "Group",
    "TimeoutStartUSec",
    "RuntimeDirectory",
    "RuntimeDirectoryMode",
    "StateDirectory",
    "CacheDirectory",
    "LogsDirectory",
    "EnvironmentFiles",
)
_LASTING = ("StateDirectory", "CacheDirectory", "LogsDirectory")
_LENGTHS = {
    "us": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "min": 60.0,
    "h": 3600.0,
    "d": 86400.0,
    "w": 604800.0,
    "month": 2629800.0,
    "y": 31557600.0,
}
_LENGTH = re.compile(r"([0-9.]+)(us|ms|s|min|h|d|w|month|y)")


@dataclass(frozen=True)
class Shown:
    """What is known of one unit; ``timeout`` in seconds, infinite where there is none.

    ``listens`` are the addresses of a .socket unit as it is configured.  ``directories`` are those
    of a service that its group may do more with than others (systemd.exec(5), RuntimeDirectory=),
    ``environment_files`` are paths, or patterns of them.
    """

    name: str
    exists: bool
    active: bool
    failed: bool = False
    restarting: bool = False
    listens: tuple[str, ...] = ()
    user: str = ""
    group: str = ""
    timeout: float = float("inf")
    directories: tuple[str, ...] = ()
    environment_files: tuple[str, ...] = ()


def is_running() -> bool:
    """Tell whether systemd is the init of this host (sd_booted(3))."""
    return os.path.isdir("/run/systemd/system")


def runs_in(service: str) -> bool:
    """Tell whether this process belongs to a service of the system (cgroups(7))."""
    try:
        with open("/proc/self/cgroup", encoding="utf-8", errors="surrogateescape") as file:
            return any(line.rstrip("\n").endswith(f"/system.slice/{service}") for line in file)
    except OSError:
        return False


class Manager:
    """One manager; ``changed`` is to be called when unit files were, before units are started.

    Unless it ``waits``, what it starts comes up later.
    """

    def __init__(self, user: str | None = None) -> None:
        self.user = user
        self.waits = True
        self._stale = False
        self._asked: dict[str, bool] = {}

    def is_up(self) -> bool:
        """Tell whether the manager runs; a user's own one does only in a session or lingering."""
        if self.user is None:
            return is_running()
        if not _has_manager(self.user):
            # To ask would open a session, and so start one.
            return False
        try:
            self._call("show", "--property=Version", purpose="ask for the user's manager")
        except AccessError:
            return False
        return True

    def show(self, units: Sequence[str]) -> list[Shown]:
        """Return what is known of each unit, in the same order, with one call for all."""
        if not units:
            return []
        text = self._call(
            "show",
            f"--property={','.join(_PROPERTIES)}",
            "--",
            *units,
            purpose="learn about units that create sockets",
        )
        blocks = text.strip("\n").split("\n\n")
        if len(blocks) != len(units):
            raise AccessError("systemctl show answered with another number of units than asked.")
        try:
            return [_shown(name, block) for name, block in zip(units, blocks)]
        except ValueError as error:
            # A user's own manager is whatever that user runs, and may say anything.
            whose = "of the system" if self.user is None else f"of user {self.user}"
            raise AccessError(
                f"The manager {whose} answered what cannot be understood ({error}) when it was "
                f"asked about {', '.join(units)}; let it be systemd's own, and run again."
            ) from error

    def changed(self) -> None:
        """Remember that unit files are other than what the manager has read."""
        self._stale = True

    def reload(self) -> None:
        """Let the manager read unit files that were changed, once for all of them."""
        if self._stale:
            self._call("daemon-reload", purpose="read the changed unit files")
            self._stale = False

    def ask(self, unit: str, *, active: bool) -> None:
        """Remember that a unit shall be started, or stopped."""
        self._asked[unit] = active

    def carry_out(self) -> None:
        """Stop and start what was asked for, each with one call for all units."""
        asked, self._asked = self._asked, {}
        stop = [unit for unit, active in asked.items() if not active]
        start = [unit for unit, active in asked.items() if active]
        if stop:
            # The timers first, so that none of them starts anew what is stopped here.
            self._stop_second_looks(stop)
            self._stop(stop)
            self._forget_failures(stop)
        if start:
            self.reload()
            wait = () if self.waits else ("--no-block",)
            self._call("start", *wait, "--", *start, purpose="start units of the collection")

    def _stop(self, units: Sequence[str]) -> None:
        try:
            self._call("stop", "--", *units, purpose="stop units of the collection")
        except AccessError:
            # systemctl also fails for one that systemd does not know any more (its status 5).
            if any(unit.active for unit in self.show(units)):
                raise

    def _stop_second_looks(self, units: Sequence[str]) -> None:
        """Stop the timers by which what watched was going to look once more."""
        for unit in units:
            if unit.endswith(".path"):
                try:
                    timer = f"{unit[: -len('.path')]}-again.timer"
                    self._call("stop", "--", timer, purpose="stop its second look")
                except AccessError:
                    # None was asked for lately, so systemd knows no such timer.
                    continue

    def _forget_failures(self, units: Sequence[str]) -> None:
        """Let no unit that is about to go stay behind as one that failed."""
        for unit in units:
            try:
                self._call("reset-failed", "--", unit, purpose="forget that it failed")
            except AccessError:
                # systemd does not know it any more, and so remembers no failure either.
                continue

    def start(self, units: Sequence[str]) -> list[str]:
        """Start units that do not run, and return the names of those that do not run then."""
        if not units:
            return []
        try:
            self._call("start", "--", *units, purpose="start services of the collection")
        except AccessError:
            return [unit.name for unit in self.show(units) if not unit.active or unit.restarting]
        return []

    def try_restart(self, unit: str) -> None:
        """Restart a unit if it runs, after reading what was changed."""
        self.reload()
        if unit.endswith(".socket"):
            # One whose service runs cannot be started again (systemd.socket(5)).
            self._stop([f"{unit[: -len('.socket')]}.service"])
        # Whether a service comes up again is asked for at the end, when all it needs is there.
        wait = ("--no-block",) if unit.endswith(".service") or not self.waits else ()
        self._call("try-restart", *wait, "--", unit, purpose=f"restart {unit}")

    def _call(self, *arguments: str, purpose: str) -> str:
        scope = () if self.user is None else ("--user", "-M", f"{self.user}@.host")
        return commands.run(
            ("systemctl", "--no-pager", *scope, *arguments), seconds=_SECONDS, purpose=purpose
        )


def _has_manager(user: str) -> bool:
    """Tell whether a manager of this user's own listens to systemctl(1)."""
    import pwd

    try:
        uid = pwd.getpwnam(user).pw_uid
    except KeyError:
        return False
    return os.path.exists(f"/run/user/{uid}/systemd/private")


def _shown(name: str, block: str) -> Shown:
    values: dict[str, list[str]] = {}
    for line in block.splitlines():
        key, dummy, value = line.partition("=")
        values.setdefault(key, []).append(value)

    def one(key: str) -> str:
        return values.get(key, [""])[0]

    return Shown(
        name,
        exists=one("LoadState") not in ("not-found", ""),
        active=one("ActiveState") in ("active", "reloading", "activating"),
        failed=one("ActiveState") == "failed",
        restarting=one("SubState") == "auto-restart",
        listens=tuple(line.rpartition(" (")[0] for line in values.get("Listen", []) if line),
        user=one("User"),
        group=one("Group"),
        timeout=seconds_of(one("TimeoutStartUSec")),
        directories=_group_directories(one),
        environment_files=tuple(
            line.rpartition(" (ignore_errors=")[0] for line in values.get("EnvironmentFiles", ())
        ),
    )


def _group_directories(one: Callable[[str], str]) -> tuple[str, ...]:
    """Return the kinds of directories that systemd would give to another group of the service.

    Those for state, cache and logs are given with all that is in them, so their modes do not help.
    """
    found = [name for name in _LASTING if one(name)]
    mode = int(one("RuntimeDirectoryMode") or "0755", 8)
    if one("RuntimeDirectory") and mode >> 3 & 7 & ~(mode & 7):
        found.append("RuntimeDirectory")
    return tuple(found)


def seconds_of(text: str) -> float:
    """Return a length of time as systemctl shows it ("1min 30s", systemd.time(7)) in seconds."""
    parts = _LENGTH.findall(text)
    if not parts:
        return float("inf")
    return sum(float(number) * _LENGTHS[unit] for number, unit in parts)
