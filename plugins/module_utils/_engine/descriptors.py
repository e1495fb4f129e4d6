# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""How many files a run has open at once: what it looks at it holds, so that nobody can swap it.

Processes are started with a soft limit of 1024 for the sake of programs that use select(2), and may
raise it up to the hard one (getrlimit(2)).  What a run starts in the meantime inherits the higher one,
and none of the files, so it has none whose number select(2) could not take.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from .converge.record import Record
from .endpoints import take_apart
from .errors import AccessError
from .task import Options, Task

# Beside what is held: the way to one socket, pipes to a tool, what the caller has open.
_SPARE = 256
# Of directories above one socket, whose path has at most 107 bytes (unix(7)).
_DEEPEST = 53


@contextmanager
def enough(stages: Sequence[Sequence[Task]], options: Options, record: Record) -> Iterator[None]:
    """Have room for all that a run holds; raises AccessError where there cannot be any."""
    import resource

    sockets, opened = 0, 0
    for tasks in stages:
        parts = [take_apart(task) for task in tasks]
        ends = 0 if options.hook else sum(len(one.served) for one in parts)
        made = not options.check and tasks is stages[-1]
        again = made and any(one.served or one.serves for one in parts)
        sockets += (len(tasks) + ends) * (2 if again else 1)
        opened += sum(len(grant.open_parents) for task in tasks for grant in task.declared.allow)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    endless = hard == resource.RLIM_INFINITY
    if not options.absent and not endless and sockets > hard:
        raise AccessError(
            f"This run holds {sockets} sockets open while it looks at them and changes them, and "
            f"may have no more than {hard} files open (its hard limit, RLIMIT_NOFILE). Raise that "
            "where the process gets it: LimitNOFILE= in the unit of the SSH server or of what else "
            "starts it, a line for root in /etc/security/limits.conf, or the limits of the container."
        )
    kinds = [key.partition(":")[0] for key in record.entries]
    above = min(kinds.count("directory"), _DEEPEST)
    wanted = sockets * (1 + above) + 2 * (opened + len(kinds)) + _SPARE
    wanted = wanted if endless else min(wanted, hard)
    if soft == resource.RLIM_INFINITY or wanted <= soft:
        yield
        return
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
