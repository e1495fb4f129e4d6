# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""The way of the data, from one end to the other: declared sockets in, a proven host out."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Sequence

from .choosing import Choosing
from .converge.loop import Outcome
from .converge.record import NoRecord, Record, RecordFile
from .converge.steps import Step
from .descriptors import enough
from .ending import without_ended
from .errors import AccessError, Overtaken
from .faults import looking_at
from .host.lock import Lock
from .host.systemctl import silent
from .report import Result
from .resources.membership import Membership
from .round import Round
from .task import Options, Task

Dropped = Callable[[Record], Collection[str]]
# systemd makes a RuntimeDirectory= as root, and gives it away a moment later.
_LOOKS = 5


def converge(
    tasks: Sequence[Task],
    options: Options,
    *,
    dropped: Dropped = lambda record: (),
    file: RecordFile | None = None,
    still: Callable[[], bool] = lambda: True,
) -> Result:
    """Bring the host to what the tasks declare, prove it, or leave it as it was.

    ``dropped`` names, from the record, holders without a task whose requests go as well.  ``still``
    is asked once nobody else can run: if it says no, nothing is done.  Raises
    Refusals with every problem found before anything was changed, and AccessError when a step or
    a proof failed and everything was put back.
    """
    if os.geteuid() != 0 and not options.unprivileged:
        raise AccessError(
            "Only root can read and change the access of other users' sockets; run this as root "
            "(become: true)."
        )
    file = file or (NoRecord() if options.unprivileged else RecordFile())
    # Whatever the caller's is, what is made for a host can be read there (umask(2)).
    umask = os.umask(0o022)
    lock = None
    try:
        if not options.unprivileged and (not options.check or os.path.isdir(file.directory)):
            lock = Lock(file.directory, seconds=options.lock_seconds)
        with looking_at("This host"):
            if not still():
                return Result(False, [], {}, {})
            lasting, ended = (list(tasks), []) if options.absent else without_ended(tasks, file)
            steps, record, result = _looking_again(lasting, options, dropped, file)
            result.warnings += [*ended, *silent()]
    finally:
        os.umask(umask)
        if lock is not None:
            file.clear_away()
            lock.release()
    # A unit that is restarted may have a hook of ours, which must get the lock.
    members = [step for step in steps if isinstance(step.resource, Membership)]
    if members:
        from .clients import begin_anew

        with looking_at("Whether the clients' processes have their groups (all else is in effect)"):
            begin_anew(members, record, result, restart=not options.check)
    return result


def _looking_again(
    tasks: Sequence[Task], options: Options, dropped: Dropped, file: RecordFile
) -> tuple[list[Step], Record, Result]:
    """Go all rounds, and once more from the start where somebody else was faster."""
    for dummy in range(_LOOKS - 1):
        try:
            return _rounds(tasks, options, dropped, file)
        except Overtaken:
            pass  # All was put back, and what is there now is the next look's matter.
    return _rounds(tasks, options, dropped, file)


def _rounds(
    tasks: Sequence[Task], options: Options, dropped: Dropped, file: RecordFile
) -> tuple[list[Step], Record, Result]:
    """Go as many rounds as are needed: endpoints that the first has made are set by the second.

    Returns one step for each resource, what was recorded before the run, and its result.
    """
    choosing = Choosing(file)
    stages: list[Sequence[Task]] = [tasks]
    told: list[str] = []
    if not options.absent:
        tasks = [choosing.settle(task) for task in tasks]
        way, told = choosing.make_way(tasks)
        # What would be made in its place is not to be seen before it is gone.
        stages = [tasks] if not told else [way] if options.check else [way, tasks]
    rounds: list[Round] = []
    outcome = Outcome((), False)
    try:
        with enough(stages, options, choosing.before):
            for stage in stages:
                outcome = _one_more(rounds, outcome, stage, options, file, choosing, dropped)
            if rounds[-1].made_sockets and not options.check:
                outcome = _one_more(rounds, outcome, tasks, options, file, choosing, dropped)
            by_key = {step.resource.key: step for step in reversed(outcome.steps)}
            result = _proven(rounds[-1], outcome, options)
        result.warnings += told if options.check else ()
        return list(by_key.values()), rounds[0].record, result
    finally:
        # Whatever is put back is put back through what the round held when it changed it.
        for one in rounds:
            one.close()


def _one_more(
    rounds: list[Round],
    outcome: Outcome,
    tasks: Sequence[Task],
    options: Options,
    file: RecordFile,
    choosing: Choosing,
    dropped: Dropped,
) -> Outcome:
    """Go one more round; where that fails, those before it are taken back as well."""
    first = not rounds
    try:
        with looking_at("This host"):
            rounds.append(Round(tasks, options, file, choosing))
            done = rounds[-1].apply(dropped)
        return done if first else outcome.then(done)
    except AccessError as error:
        if first:
            raise
        said = outcome.rollback(str(error))
        raise (Overtaken(str(said)) if isinstance(error, Overtaken) else said) from error
    except BaseException as error:
        if not first:
            outcome.rollback(repr(error))
        raise


def _proven(last: Round, outcome: Outcome, options: Options) -> Result:
    try:
        with looking_at("What was to be proven"):
            proofs = last.prove() if options.prove and not options.check else []
    except AccessError as error:
        raise outcome.rollback(str(error)) from error
    except BaseException as error:
        outcome.rollback(repr(error))
        raise
    return last.result(outcome, proofs)
