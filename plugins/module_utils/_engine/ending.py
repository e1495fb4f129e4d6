# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Grants that end: left out of every run once their time is over, and ended on the host by a timer."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import replace

from .converge.steps import Want
from .endpoints import Parts
from .keep.ends import end_files, moments, timer_of
from .keeper import Keeper
from .planner.elsewhere import is_managed
from .policy.moments import written
from .policy.types import Grant
from .serving import Served
from .task import Task


def clock(record: str) -> float:
    """Return the time of this host, in seconds since 1970.

    A clock that was set back is not believed to be earlier than the last change that was recorded
    in the file ``record``, so that nothing that had ended by then is there again.
    """
    try:
        recorded = os.stat(record).st_mtime
    except OSError:
        recorded = 0.0
    return max(time.time(), recorded)


def without_ended(tasks: Sequence[Task], record: str) -> tuple[list[Task], list[str]]:
    """Return the tasks without the grants whose time is over, and a sentence for each of those.

    What the host keeps of a task is silent: the run that put it there has told of it.
    """
    if not any(moments(task) for task in tasks):
        return list(tasks), []
    now = clock(record)
    left, told = [], []
    for task in tasks:
        ended = tuple(grant for grant in task.declared.allow if _is_over(grant, now))
        if ended:
            declared = replace(
                task.declared,
                allow=tuple(grant for grant in task.declared.allow if grant not in ended),
            )
            if not task.kept:
                told += [_sentence(task, grant) for grant in ended]
            # What ended at another path leaves the socket itself as it was all the time.
            alone = not declared.allow and not is_managed(task.declared)
            task = replace(
                task, declared=declared, ended=ended, leave_inode=task.leave_inode or alone
            )
        left.append(task)
    return left, told


def wants(parts: Sequence[Parts], keeper: Keeper) -> list[Want]:
    """Return what the host needs so that the grants of declared sockets end by themselves."""
    found: list[Want] = []
    for task in (one.task for one in parts if not one.task.kept):
        if not moments(task):
            continue
        if not keeper.works:
            keeper.problems.append(
                f"The socket {task.declared.path} has grants with expires, and this host does not "
                "run systemd, so nothing would end them at their time; remove expires, and take "
                "the grants out of the declaration when they shall end."
            )
            continue
        files = Served(end_files(task), timer_of(task.declared.name))
        found += keeper.serve(files, f"{task.holder} by ends")
    return found


def _is_over(grant: Grant, now: float) -> bool:
    return grant.expires is not None and grant.expires <= now


def _sentence(task: Task, grant: Grant) -> str:
    at = "" if grant.endpoint is None else f" at {grant.endpoint.at}"
    return (
        f"The grant of {grant.principal} for the socket {task.declared.path}{at} ended at "
        f"{written(grant.expires or 0)}, so it is treated as if it were not declared; take it out "
        "of the declaration, or write a later time in expires."
    )
