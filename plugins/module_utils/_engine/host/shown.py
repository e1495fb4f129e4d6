# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""What systemctl(1) shows of a unit, as a value."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import NamedTuple

PROPERTIES = (
    "LoadState",
    "ActiveState",
    "SubState",
    "Listen",
    "Symlinks",
    "TriggeredBy",
    "User",
    "Group",
    "DynamicUser",
    "DropInPaths",
    "TimeoutStartUSec",
    "TimeoutUSec",
    "JobTimeoutUSec",
    "JobRunningTimeoutUSec",
    "RuntimeDirectory",
    "RuntimeDirectoryMode",
    "StateDirectory",
    "CacheDirectory",
    "LogsDirectory",
    "Environment",
    "EnvironmentFiles",
    "RootDirectory",
    "RootImage",
    "BindPaths",
    "BindReadOnlyPaths",
    "TemporaryFileSystem",
    "MountImages",
    "ExtensionImages",
    "ExtensionDirectories",
    "Result",
)
_MOUNTING = (
    *("BindPaths", "BindReadOnlyPaths", "TemporaryFileSystem"),
    *("MountImages", "ExtensionImages", "ExtensionDirectories"),
)
# Of a service, of a .socket unit, and of the job of either (systemd.unit(5)).
_TIMEOUTS = ("TimeoutStartUSec", "TimeoutUSec", "JobTimeoutUSec", "JobRunningTimeoutUSec")
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
_ESCAPED = re.compile(rb"\\([0-7]{3}|.)")


class Shown(NamedTuple):
    """What is known of one unit; ``timeout`` in seconds, infinite where there is none.

    ``timeout`` is the shortest of those that end a start, or one command of it.  ``listens`` are the
    addresses of a .socket unit as it is configured, ``symlinks`` the links that it makes to one.
    ``dynamic``: its user may be one that exists only while it runs (systemd.exec(5), DynamicUser=).
    ``triggered_by`` are units that start it, ``drop_ins`` files in the order in which they were read.
    ``directories`` are those of a service that its group may do more with than others
    (systemd.exec(5), RuntimeDirectory=), ``environment_files`` are paths, or patterns of them,
    ``environment`` are the assignments of the unit itself as they are shown, in one line, ``root`` is
    what the service has for its root directory.  ``mounted`` has each setting by which the unit mounts
    something for its commands, with its value.
    """

    name: str
    exists: bool
    active: bool
    failed: bool = False
    restarting: bool = False
    result: str = ""
    listens: tuple[str, ...] = ()
    symlinks: tuple[str, ...] = ()
    user: str = ""
    group: str = ""
    dynamic: bool = False
    triggered_by: tuple[str, ...] = ()
    drop_ins: tuple[str, ...] = ()
    timeout: float = float("inf")
    directories: tuple[str, ...] = ()
    environment_files: tuple[str, ...] = ()
    environment: str = ""
    root: str = ""
    mounted: tuple[tuple[str, str], ...] = ()


def shown(name: str, block: str) -> Shown:
    """Return what the block of lines says that ``systemctl show`` has for one unit.

    Raises ValueError for what systemd does not say.
    """
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
        result=one("Result"),
        listens=tuple(address(line) for line in values.get("Listen", []) if line),
        symlinks=_paths(one("Symlinks")),
        user=one("User"),
        group=one("Group"),
        dynamic=one("DynamicUser") == "yes",
        triggered_by=_paths(one("TriggeredBy")),
        drop_ins=_paths(one("DropInPaths")),
        timeout=min(seconds_of(one(key)) for key in _TIMEOUTS),
        directories=_group_directories(one),
        environment_files=tuple(
            line.rpartition(" (ignore_errors=")[0] for line in values.get("EnvironmentFiles", ())
        ),
        environment=one("Environment"),
        root=one("RootImage") or one("RootDirectory").rstrip("/"),
        mounted=tuple((name, one(name)) for name in _MOUNTING if one(name)),
    )


def address(value: str) -> str:
    """Return the address in a value of Listen=.

    systemd shows quotes, backslashes and what is not ASCII in C's way, whatever the locale is
    (measured: 252, 257).
    """
    shown = os.fsencode(value.rpartition(" (")[0])
    return os.fsdecode(_ESCAPED.sub(lambda found: _meant(found[1]), shown))


def _meant(escaped: bytes) -> bytes:
    return bytes((int(escaped, 8) & 0xFF,)) if escaped.isdigit() else escaped


def _paths(text: str) -> tuple[str, ...]:
    """Return paths as systemctl shows them in one line, quoted where it takes quotes."""
    if '"' not in text:
        return tuple(text.split())
    import shlex

    return tuple(shlex.split(text))


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
