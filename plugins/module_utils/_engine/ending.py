# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Grants that end: left out of every run once their time is over, and ended on the host by a timer."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence

from .converge.record import RecordFile
from .converge.steps import Want
from .endpoints import Parts
from .keep.ends import end_files, moments, timer_of
from .keep.parts import Served
from .making import Making
from .policy.endpoint_keys import is_managed
from .policy.moments import written
from .policy.types import Grant
from .task import Task


def without_ended(tasks: Sequence[Task], file: RecordFile) -> tuple[list[Task], list[str]]:
    """Return the tasks without the grants whose time is over, and a sentence for each of those.

    What was over once is over, also where the clock was set back since.  What the host keeps of a
    task is silent: the run that put it there has told of it.
    """
    if not any(moments(task) for task in tasks):
        return list(tasks), []
    now, known = time.time(), file.load().ended
    left, told = [], []
    for task in tasks:
        ended = tuple(
            grant
            for grant in task.declared.allow
            if grant.expires is not None and (grant.expires <= now or _key(task, grant) in known)
        )
        if ended:
            declared = task.declared._replace(
                allow=tuple(grant for grant in task.declared.allow if grant not in ended),
            )
            if not task.kept:
                told += [_sentence(task, grant, now) for grant in ended]
            # What ended at another path leaves the socket itself as it was all the time.
            alone = not declared.allow and not is_managed(task.declared)
            task = task._replace(
                declared=declared, ended=ended, leave_inode=task.leave_inode or alone
            )
        left.append(task)
    return left, told


def remembered(
    known: Mapping[str, str], holders: Collection[str], parts: Sequence[Parts]
) -> dict[str, str]:
    """Return what the record shall say of grants that ended, from what it says.

    A whole declaration of one of ``holders`` replaces what was known of it; what the host keeps of
    one has no grants that ended before, so it only adds.
    """
    tasks = [one.task for one in parts]
    replaced = set(holders) - {task.holder for task in tasks if task.kept}
    left = {key: holder for key, holder in known.items() if holder not in replaced}
    return {**left, **{_key(task, one): task.holder for task in tasks for one in task.ended}}


def wants(parts: Sequence[Parts], making: Making) -> list[Want]:
    """Return what the host needs so that the grants of declared sockets end by themselves."""
    found: list[Want] = []
    for task in (one.task for one in parts if not one.task.kept):
        if not moments(task):
            continue
        if not making.systemd:
            making.keeper.problems.append(
                f"The socket {task.declared.path} has grants with expires, and this host does not "
                "run systemd, so nothing would end them at their time; remove expires, and take "
                "the grants out of the declaration when they shall end."
            )
            continue
        files = Served(end_files(task), timer_of(task.declared.name))
        found += making.keeper.serve(files, f"{task.holder} by ends")
    return found


def _key(task: Task, grant: Grant) -> str:
    """Name a grant in the record, alike in a whole declaration and in what the host keeps of it."""
    at = task.declared.path if grant.endpoint is None else grant.endpoint.at
    return f"{grant.principal} at {at} until {written(grant.expires or 0)}"


def _sentence(task: Task, grant: Grant, now: float) -> str:
    at = "" if grant.endpoint is None else f" at {grant.endpoint.at}"
    what = f"The grant of {grant.principal} for the socket {task.declared.path}{at}"
    when = written(grant.expires or 0)
    if (grant.expires or 0) > now:
        return (
            f"{what} was ended when this host's clock was past {when}, and a clock that was set back "
            "gives nothing again; take it out of the declaration, or write another time in expires "
            "if it shall go on."
        )
    return (
        f"{what} ended at {when}, so it is treated as if it were not declared; take it out "
        "of the declaration, or write a later time in expires."
    )
