# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Calls of systemctl(1), where a host has it, and how long each manager may take for its answer.

A user's own manager is whatever that user runs, and may never answer (kill -STOP is enough), while
the run that asks holds the lock of the host, for which all hooks wait.
"""

from __future__ import annotations

import os
import time

from ..errors import AccessError
from . import commands

# For one answer of a user's own manager, which to read a few units takes a second on a slow machine.
_PATIENCE = 15.0
# For all of its answers that take longer than a moment, in one run.
_PATIENCE_IN_ALL, _MOMENT, _LEAST = 30.0, 1.0, 0.1
# What a manager does by itself; anything else may fail for the sake of a unit.
_ITS_OWN = ("show", "daemon-reload")

_waited: dict[str, float] = {}
_silent: dict[str, str] = {}


class Unanswered(AccessError):
    """A user's own manager gave no answer, or none in time, and is not asked again in this run."""


def is_running() -> bool:
    """Tell whether systemd is the init of this host (sd_booted(3))."""
    return os.path.isdir("/run/systemd/system")


def call(user: str | None, *arguments: str, seconds: float, purpose: str) -> str:
    """Return what systemctl(1) prints for the system's manager, or for one user's own.

    ``seconds`` and ``purpose`` are those of commands.run(); for a user's own manager the time is
    short.  Raises AccessError, and Unanswered for a manager of a user that gives no answer.
    """
    if user is None:
        return commands.run(
            ("systemctl", "--no-pager", *arguments), seconds=seconds, purpose=purpose
        )
    if user in _silent:
        raise Unanswered(_silent[user])
    waited = _waited.get(user, 0.0)
    limit = max(min(seconds, _PATIENCE, _PATIENCE_IN_ALL - waited), _LEAST)
    words = ("systemctl", "--no-pager", "--user", "-M", f"{user}@.host", *arguments)
    began = time.monotonic()
    try:
        return commands.run(words, seconds=limit, purpose=purpose)
    except commands.TooLate as error:
        raise given_up(
            user,
            f"did not answer in time (systemctl was called to {purpose}; this run has waited "
            f"{waited + limit:.0f} seconds for its answers)",
        ) from error
    except AccessError as error:
        if arguments[0] not in _ITS_OWN:
            raise
        said = f"{str(error).rstrip('.')}; before systemd 248 only that user can ask it"
        raise given_up(user, f"cannot be asked ({said})") from error
    finally:
        took = time.monotonic() - began
        if took > _MOMENT:
            _waited[user] = waited + took


def given_up(user: str, what: str) -> Unanswered:
    """Remember that a user's own manager, which ``what``, is not asked again in this run."""
    service = f"user@{_uid_of(user)}.service"
    _silent[user] = (
        f"The manager of user {user} {what}, and is not asked again in this run. See what runs there "
        f"(systemctl status {service}), start it anew (systemctl restart {service}), and run again."
    )
    return Unanswered(_silent[user])


def is_silent(user: str | None) -> bool:
    """Tell whether a user's own manager gave no answer in this run."""
    return user in _silent


def silent() -> list[str]:
    """Return a sentence for each user's manager that gave no answer in this run."""
    return list(_silent.values())


def _uid_of(user: str) -> str:
    import pwd

    try:
        return str(pwd.getpwnam(user).pw_uid)
    except KeyError:
        return user  # One without a name is named by its id.
