# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""What the host keeps of an earlier run for the same socket, and so who was seen to make it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .errors import AccessError
from .host import atomic_file
from .host.creator import Creator, creators_of
from .host.shown import Shown
from .keep.parts import POLICIES
from .model.chain import Component
from .survey import Surveyed
from .task import Task, from_compiled


def kept_before(task: Task) -> Task | None:
    """Return what an earlier run compiled for the socket at the same path, if it can be understood."""
    path = f"{POLICIES}/{task.declared.name}.json"
    content = atomic_file.read(path)
    try:
        old = None if content is None else from_compiled(content, path, task.declared_alone)
    except AccessError:
        return None
    return old if old is not None and old.declared.path == task.declared.path else None


def maker(task: Task) -> tuple[str | None, str | None]:
    """Return the unit that makes the socket, declared or found, and the owner of its manager."""
    return task.declared.unit or task.found_unit, task.declared.unit_user or task.found_user


def found_anew(
    tasks: Sequence[Task],
    seen: Sequence[tuple[Task, Surveyed]],
    shown: Mapping[tuple[str, str | None], Shown],
) -> list[Task]:
    """Look who makes a socket now, where the unit that was seen to make it once does not run."""
    leaves = {}
    for index, (task, (dummy, one)) in enumerate(zip(tasks, seen)):
        leaf = one.facts.chain.leaf
        if task.declared.unit is None and task.found_unit is not None and leaf is not None:
            known = shown.get((task.found_unit, task.found_user))
            if known is None or not known.active:
                leaves[index] = leaf
    made_by = _made_by(leaves) if leaves else {}
    return [
        task._replace(found_unit=made_by[index].unit, found_user=made_by[index].user)
        if index in made_by
        else task
        for index, task in enumerate(tasks)
    ]


def with_found_units(seen: Sequence[tuple[Task, Surveyed]]) -> list[Task]:
    """Where no unit is declared, remember who was seen to make the socket, or look who does."""
    known: dict[int, Creator] = {}
    unknown: dict[int, Component] = {}
    for index, (task, one) in enumerate(seen):
        if task.declared.unit is not None:
            continue
        old = kept_before(task)
        leaf = one.facts.chain.leaf
        if old is not None and old.found_unit is not None:
            known[index] = Creator(old.found_unit, old.found_user)
        elif leaf is not None:
            unknown[index] = leaf
    known.update(_made_by(unknown))
    return [
        task._replace(found_unit=known[index].unit, found_user=known[index].user)
        if index in known
        else task
        for index, (task, dummy) in enumerate(seen)
    ]


def _made_by(leaves: Mapping[int, Component]) -> dict[int, Creator]:
    creators = creators_of(leaves.values())
    found = {index: creators.get((one.device, one.inode)) for index, one in leaves.items()}
    return {index: creator for index, creator in found.items() if creator is not None}
