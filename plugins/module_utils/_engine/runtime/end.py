# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""``socket-access end NAME``: grants whose time is over go as if nobody had declared them."""

from __future__ import annotations

import os

from ..converge.record import RecordFile
from ..ending import without_ended
from ..errors import AccessError
from ..faults import in_words
from ..keep.ends import ENDS
from ..run import converge
from ..task import Options, Task, from_compiled
from . import policies
from .output import Output


def run(name: str, output: Output, directory: str = ENDS) -> bool:
    """Put the declaration into effect without what has ended, and tell whether that went well.

    First nobody whose grant has ended can connect any more.  Where the rest cannot be done, for
    example because the name service does not answer yet, it is tried again later.
    """
    task = declared(name, directory)
    if task is None:
        output.say(f"{name}: No grant for this socket has a time at which it ends.")
        return True
    (lasting,), dummy = without_ended([task], RecordFile())
    if lasting.ended:
        # At its time, before what takes longer.
        _close(task, output)
    try:
        result = converge(
            [task], Options(prove=False), still=lambda: declared(name, directory) == task
        )
    except (AccessError, OSError) as error:
        output.problem(name, in_words(error))
        return False
    for sentence in result.changes or ["Nothing has ended."]:
        output.say(f"{name}: {sentence}")
    for warning in result.warnings:
        output.say(f"{name}: {warning}")
    return True


def declared(
    name: str, directory: str = ENDS, recorded: policies.Recorded | None = None
) -> Task | None:
    """Return the whole declaration of a socket of which grants end, None where none does.

    Raises AccessError where it cannot be understood.
    """
    path = os.path.join(directory, f"{name}.json")
    content = None if "/" in name else policies.content(name, directory, recorded)
    return None if content is None else from_compiled(content, path)._replace(kept=False)


def _close(task: Task, output: Output) -> None:
    """Let the hooks' part of each policy of the socket and its endpoints leave out what ended."""
    recorded = policies.recorded()
    for name in policies.names():
        try:
            kept = policies.load(name, recorded=recorded)
            if kept.holder == task.holder or kept.holder.startswith(f"{task.holder} at "):
                result = converge([kept], Options(prove=False, hook=True))
                for sentence in result.changes:
                    output.say(f"{name}: {sentence}")
        except (AccessError, OSError) as error:
            output.problem(name, in_words(error))
