# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""What systemctl(1) shows and changes of systemd: the system's manager, or one user's own."""

from __future__ import annotations

import os
from collections.abc import Sequence

from ..errors import AccessError
from ..model.words import listed
from . import systemctl
from .listening import is_deserted
from .pinned import walked
from .shown import PROPERTIES, Shown, shown
from .systemctl import is_running

_SECONDS = 90.0
_STOP = "stop units of the collection"


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
        self._anew: list[str] = []
        self._expected: dict[str, None] = {}
        self._seen: dict[str, Shown] = {}

    def is_up(self) -> bool:
        """Tell whether the manager runs and answers.

        A user's own one runs only in a session or lingering.
        """
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
            f"--property={','.join(PROPERTIES)}",
            "--",
            *units,
            purpose="learn about units that create sockets",
        )
        blocks = text.strip("\n").split("\n\n")
        try:
            if len(blocks) != len(units):
                raise ValueError(f"{len(blocks)} answers")
            return [shown(name, block) for name, block in zip(units, blocks)]
        except ValueError as error:
            said = (
                f"answered what cannot be understood ({error}) when it was asked about "
                f"{', '.join(units)}"
            )
            if self.user is None:
                raise AccessError(f"systemd {said}.") from error
            # A user's own manager is whatever that user runs, and may say anything.
            raise systemctl.given_up(self.user, said) from error

    def expect(self, units: Sequence[str]) -> None:
        """Remember that these will be looked at before anything is changed."""
        self._expected.update(dict.fromkeys(units))

    def look(self, units: Sequence[str]) -> list[Shown]:
        """Return what show() does; the first time it asks for all that is expected as well."""
        if not self._seen.keys() >= set(units):
            asked = list({**dict.fromkeys(units), **self._expected})
            self._expected.clear()
            self._seen.update(zip(asked, self.show(asked)))
        # Each answer serves once, for the next one may be another.
        return [self._seen.pop(unit) for unit in units]

    @property
    def is_stale(self) -> bool:
        """Tell whether unit files are other than what the manager has read."""
        return self._stale

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

    def ask_anew(self, unit: str) -> None:
        """Remember that a .socket unit shall be stopped and started, so that it makes its socket."""
        # One whose service runs cannot be started again (systemd.socket(5)).
        self._asked[f"{unit[: -len('.socket')]}.service"] = False
        self._asked[unit] = True
        self._anew.append(unit)

    def carry_out(self) -> None:
        """Stop and start what was asked for, each with one call for all units."""
        asked, self._asked = self._asked, {}
        anew, self._anew = self._anew, []
        stop = [unit for unit, active in asked.items() if unit in anew or not active]
        start = [unit for unit, active in asked.items() if active]
        if stop:
            # Before, so that none starts anew what is stopped here; and after, because what watched
            # may have asked for one until it was stopped.
            self._clear_away(_second_looks(stop))
            self._stop(stop)
            self._clear_away([*_second_looks(stop), *stop])
        if start:
            self.reload()
            wait = () if self.waits else ("--no-block",)
            try:
                self._call("start", *wait, "--", *start, purpose="start units of the collection")
            except AccessError as error:
                told = self._not_watched([unit for unit in start if unit.endswith(".path")])
                if told is None:
                    raise
                raise told from error

    def _not_watched(self, units: Sequence[str]) -> AccessError | None:
        """Return what it means where systemd has no inotify instance left (its path_spec_watch())."""
        try:
            shown = self.show(units)
        except AccessError:
            return None
        watches = [one.name for one in shown if one.failed and one.result == "resources"]
        if not watches:
            return None
        whose = "root" if self.user is None else f"user {self.user}"
        more = len(watches) - 3
        named = f"{', '.join(watches[:3])} and {more} more" if more > 0 else listed(watches)
        return AccessError(
            f"systemd cannot watch for the sockets of {named}: each of these units takes an inotify "
            f"instance, and {whose} has none left. Raise fs.inotify.max_user_instances (sysctl shows "
            "it; a file in /etc/sysctl.d keeps it) and run again."
        )

    def _stop(self, units: Sequence[str]) -> None:
        try:
            self._call("stop", "--", *units, purpose=_STOP)
        except AccessError:
            # It fails for a unit that systemd does not know any more; then 252 and 257 have stopped
            # all others, and 262 none (measured).
            running = [unit.name for unit in self.show(units) if unit.active]
            if running:
                self._call("stop", "--", *running, purpose=_STOP)

    def _clear_away(self, units: Sequence[str]) -> None:
        """Stop what runs of these units, and let none stay behind as one that failed."""
        shown = self.show(units)
        running = [unit.name for unit in shown if unit.active]
        failed = [unit.name for unit in shown if unit.failed]
        if running:
            self._stop(running)
        if failed:
            try:
                self._call("reset-failed", "--", *failed, purpose="forget that units failed")
            except AccessError:
                # One that has gone meanwhile is not remembered, either.
                return

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
        return systemctl.call(self.user, *arguments, seconds=_SECONDS, purpose=purpose)


def _second_looks(units: Sequence[str]) -> list[str]:
    """Return the timers by which what watches was going to look once more."""
    return [f"{unit[: -len('.path')]}-again.timer" for unit in units if unit.endswith(".path")]


def _has_manager(user: str) -> bool:
    """Tell whether a manager of this user's own listens to systemctl(1)."""
    import pwd

    try:
        uid = pwd.getpwnam(user).pw_uid
    except KeyError:
        return False
    private = f"/run/user/{uid}/systemd/private"
    if not os.path.exists(private):
        return False
    try:
        # One that was stopped leaves it there as long as the user lingers (measured: systemd 257).
        return not is_deserted(walked(private))
    except (AccessError, OSError):
        return False
