# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""``socket-access unmount``: for the hooks that run before a daemon takes its socket away.

A mount that outlives its socket shows a dead one, and a second mount would keep the daemon from
taking its socket away (EBUSY, unlink(2)).
"""

from __future__ import annotations

from collections.abc import Mapping

from ..converge.record import Entry, RecordFile
from ..endpoints import take_apart
from ..errors import AccessError
from ..faults import in_words
from ..resources.bind_mount import BindMount, MountState
from . import policies
from .output import Output


def run(name: str, output: Output) -> bool:
    """Unmount every endpoint of one socket; what is not mounted is no problem.

    What somebody else mounted there stays, and is told, and so is a record that cannot be read.
    """
    task = policies.load(name, hook=True)
    fine, places = True, take_apart(task).mounts
    entries: Mapping[str, Entry] = {}
    try:
        entries = RecordFile().load().entries if places else {}
    except AccessError as error:
        # What is ours is told by what is mounted there (resources.mount_owner), so a stop of the daemon
        # leaves no dead socket behind.
        output.problem(name, str(error))
        fine = False
    for place in places:
        at = place.endpoint.at
        try:
            if _unmount(BindMount(at, _source(at, task.declared.path, entries))):
                output.say(f"{name}: {at} is unmounted.")
        except (AccessError, OSError) as error:
            output.problem(name, f"{at} cannot be unmounted: {in_words(error)}")
            fine = False
    return fine


def _source(at: str, declared: str, entries: Mapping[str, Entry]) -> str:
    """Return what was mounted there, with all links resolved, as the record has it."""
    entry = entries.get(f"mount:{at}")
    requests = () if entry is None else entry.requests.values()
    return next((str(one["source"]) for one in requests), declared)


def _unmount(mount: BindMount) -> bool:
    """Unmount one endpoint, and tell whether it was mounted."""
    mounted = mount.read() != MountState()
    mount.write(MountState())
    return mounted
