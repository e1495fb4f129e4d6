# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""``socket-access apply``: the policies that the host keeps, put into effect once more."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import NamedTuple

from ..converge.record import DIRECTORY
from ..errors import AccessError
from ..faults import in_words
from ..host import commands
from ..host.starting import is_taken_care_of
from ..keep.parts import DEADLINE
from ..policy.types import SocketPolicy
from ..report import Result
from ..run import converge
from ..shortcut import COMMAND, MEMORY
from ..task import LOCK_SECONDS, Options, Task
from . import policies
from .corrections import QUIET, CorrectionsFile
from .output import Output
from .wait import wait_for_listener
from .watched import FoughtBack, apply_again, apply_until_calm

_MOMENT = 1.0
# The part of the time of a start that a hook leaves for what it does once nobody else is at work.
_LEFT = 0.2


class Wishes(NamedTuple):
    """How to apply: see the help text of the command."""

    hook: bool = False
    wait: bool = False
    watched: bool = False
    again: bool = False
    prove: bool = False


def apply(names: list[str], wishes: Wishes, output: Output) -> bool:
    """Apply each policy by itself, and tell whether all went well.

    One that fails says why and does not keep the others from being applied.
    """
    fine = True
    for name in names:
        try:
            fine = _apply(policies.load(name, hook=wishes.hook), wishes, output) and fine
        except (AccessError, OSError) as error:
            output.problem(name, in_words(error))
            fine = False
    return fine


def _apply(task: Task, wishes: Wishes, output: Output) -> bool:
    name, declared = task.declared.name, task.declared
    kept = policies.content(name, hook=wishes.hook)
    root = os.geteuid() == 0
    if not root and not wishes.hook:
        raise AccessError(
            "Only root can put a whole policy into effect; run this as root, or with --hook for "
            "what a user may change himself."
        )
    if wishes.hook and root and is_taken_care_of(name, DIRECTORY):
        return True
    began = time.monotonic()
    late = _in_vain(declared.path, declared.deadline or DEADLINE) if wishes.wait else None

    def once(check: bool = False) -> Result:
        options = Options(
            check=check,
            prove=wishes.prove,
            hook=wishes.hook,
            watched=wishes.watched,
            unprivileged=not root,
            lock_seconds=_patience(task, wishes, time.monotonic() - began),
        )
        try:
            return converge(
                [task], options, still=lambda: policies.content(name, hook=wishes.hook) == kept
            )
        except (AccessError, PermissionError) as error:
            if root:
                raise
            raise AccessError(
                f"{error} What is left needs root, and is done by socket-access-{name}.path of the "
                "system's own manager."
            ) from error

    memory = CorrectionsFile(_memory(root), name)
    if wishes.watched:
        results = _until_calm(declared, root, once, memory)
    elif wishes.again:
        results = apply_again(declared.path, once, memory)
    else:
        results = [once()]
    _report(name, results, wishes, output)
    if late is not None:
        output.problem(name, late)
    return late is None


def _patience(task: Task, wishes: Wishes, passed: float) -> float:
    """Return how long to wait for another run to end: systemd ends a daemon whose hook takes too long."""
    in_start = wishes.hook and not wishes.watched and not wishes.again
    if task.start_seconds is None or not in_start:
        return LOCK_SECONDS
    left = task.start_seconds * (1 - _LEFT) - passed
    return round(min(LOCK_SECONDS, max(left, 0.0)), 1)


def _in_vain(path: str, seconds: float) -> str | None:
    """Wait for the daemon, and return what it means that none listened in time."""
    if wait_for_listener(path, seconds, _main_process()):
        return None
    return (
        f"No daemon listened at {path} within {seconds:g} seconds after its start, so it is not "
        "certain that the policy is in effect there; look for the reason in the daemon's own "
        "messages, or declare a longer deadline."
    )


def _until_calm(
    declared: SocketPolicy, root: bool, once: Callable[[bool], Result], memory: CorrectionsFile
) -> list[Result]:
    def look_again(pause: float = _MOMENT) -> None:
        if root:
            _look_once_more(declared.name, pause)

    opened = [path for grant in declared.allow for path in grant.open_parents]
    try:
        return apply_until_calm(
            dict.fromkeys((declared.path, *opened)), once, memory, leave=look_again
        )
    except FoughtBack:
        look_again(QUIET + _MOMENT)
        raise
    except (AccessError, OSError):
        # It may have failed because of what somebody did at the same time.
        look_again()
        raise


def _look_once_more(name: str, pause: float) -> None:
    """Let the manager apply the policy again after some seconds, without anyone waiting for it.

    Between the end of this process and the moment in which its .path unit watches again an event
    can be lost: path_enter_running() of systemd closes its watch, and nothing is kept meanwhile.
    """
    unit = f"socket-access-{name}-again"
    try:
        commands.run(
            (
                *("systemd-run", "--quiet", "--collect", f"--unit={unit}"),
                *(f"--on-active={pause:g}s", "--timer-property=AccuracySec=100ms"),
                *("--", COMMAND, "apply", "--hook", "--again", name),
            ),
            seconds=10,
            purpose="look at the socket once more",
        )
    except AccessError:
        # An earlier run has asked for the same, and it has not happened yet.
        return


def _report(name: str, results: list[Result], wishes: Wishes, output: Output) -> None:
    said = [sentence for result in results for sentence in result.changes]
    for sentence in said:
        output.say(f"{name}: {sentence}")
    if not said and not wishes.hook:
        output.say(f"{name}: Everything is as declared.")
    for result in results[-1:]:
        for warning in result.warnings:
            output.problem(name, warning)


def _main_process() -> int | None:
    """Return the daemon that systemd has just started (systemd.exec(5), $MAINPID)."""
    value = os.environ.get("MAINPID", "")
    return int(value) if value.isdigit() else None


def _memory(root: bool) -> str:
    if root:
        return MEMORY
    runtime = os.environ.get("XDG_RUNTIME_DIR", f"/run/user/{os.geteuid()}")
    return os.path.join(runtime, os.path.basename(MEMORY))
