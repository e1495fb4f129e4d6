# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""What else could say no to a process: security modules and system call filters.

Whether they let a connection pass cannot be judged from outside; what a process runs under can be
told, and where their refusals are logged.  Sources: apparmor(7), selinux(8), proc_pid_attr(5),
proc_pid_status(5), lsm documentation of the kernel.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import NamedTuple

from ..host.processes import Process
from ..model.account import ROOT
from ..model.words import listed

APPARMOR, SELINUX, SECCOMP = "apparmor", "selinux", "seccomp"
_UNCONFINED = "unconfined"


class Confinement(NamedTuple):
    """What some processes run under, and a sentence that says where to look.

    ``label`` is the profile or the context, ``mode`` is "enforce", "complain" or "permissive",
    where these words mean something.
    """

    module: str
    label: str | None
    mode: str | None
    processes: tuple[Process, ...]
    text: str


def modules(sys: str = "/sys") -> tuple[str, ...]:
    """Return the security modules that are active and may refuse a connection, by name.

    They are apparmor, selinux, smack and tomoyo, of those that the kernel lists.
    """
    listed_ones = _read(f"{sys}/kernel/security/lsm").split(",")
    found = [one for one in (APPARMOR, SELINUX, "smack", "tomoyo") if one in listed_ones]
    if APPARMOR not in found and _read(f"{sys}/module/apparmor/parameters/enabled") == "Y":
        found.append(APPARMOR)
    if SELINUX not in found and _read(f"{sys}/fs/selinux/enforce"):
        found.append(SELINUX)
    return tuple(found)


def confinements(
    processes: Iterable[Process], *, proc: str = "/proc", sys: str = "/sys"
) -> list[Confinement]:
    """Return what the processes run under, those that run under the same together."""
    active = modules(sys)
    found: dict[tuple[str, str | None, str | None], list[Process]] = {}
    for one in processes:
        if APPARMOR in active:
            label, mode = _apparmor(f"{proc}/{one.pid}")
            if label is not None:
                found.setdefault((APPARMOR, label, mode), []).append(one)
        if SELINUX in active:
            context = _read(f"{proc}/{one.pid}/attr/current")
            mode = "enforce" if _read(f"{sys}/fs/selinux/enforce") == "1" else "permissive"
            if context:
                found.setdefault((SELINUX, context, mode), []).append(one)
        # Half of what root runs is filtered, and rarely in this.
        if one.filtered and one.uid != ROOT:
            found.setdefault((SECCOMP, None, None), []).append(one)
    return [
        Confinement(module, label, mode, tuple(who), _in_words(module, label, mode, who))
        for (module, label, mode), who in found.items()
    ]


def _apparmor(directory: str) -> tuple[str | None, str | None]:
    """Return the profile of a process and its mode; none where it runs without one."""
    # The second name is all there is before Linux 5.8, and SELinux's where both are active.
    text = _read(f"{directory}/attr/apparmor/current") or _read(f"{directory}/attr/current")
    label, dummy, mode = text.partition(" (")
    if not label or label == _UNCONFINED or label.startswith("system_u:"):
        return None, None
    return label, mode.rstrip(")") or None


def _in_words(module: str, label: str | None, mode: str | None, who: list[Process]) -> str:
    run = listed([str(one) for one in who[:5]]) + (" and more" if len(who) > 5 else "")
    verb = "runs" if len(who) == 1 else "run"
    if module == APPARMOR:
        return (
            f"{run} {verb} under the AppArmor profile {label} ({mode or 'mode unknown'}), which may "
            "refuse what permissions allow, and cannot be judged here. Look for its refusals: "
            "journalctl -k --grep 'apparmor=\"DENIED\"'."
        )
    if module == SELINUX:
        return (
            f"{run} {verb} in the SELinux context {label} ({mode}), whose policy may refuse what "
            "permissions allow, and cannot be judged here. Look for its refusals: ausearch -m AVC "
            "-ts recent."
        )
    return (
        f"{run} {verb} with a seccomp filter, which may refuse the very call (in a unit "
        "SystemCallFilter= and RestrictAddressFamilies=, which must have AF_UNIX), and cannot be "
        "judged here."
    )


def _read(path: str) -> str:
    try:
        with open(path, "rb") as file:
            return os.fsdecode(file.read()).strip("\0\n ")
    except OSError:
        return ""
