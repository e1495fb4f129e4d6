# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Files from which the unit that makes a socket reads its environment, and who can write them.

systemd gives the environment of a service to each of its commands, those with root's rights ("+",
systemd.service(5)) included, and with LD_PRELOAD= alone it is a program (ld.so(8)).  So where somebody
else writes it, a hook with root's rights would be his.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

from .errors import AccessError
from .host.pinned import walked
from .host.shown import Shown
from .keep.parts import Creator
from .model.account import ROOT
from .model.acl import WRITE
from .model.chain import OTHER
from .reach import unsafe_step
from .task import Task

# glob(7), which EnvironmentFile= takes (systemd.exec(5)).
_PATTERN = re.compile(r"[*?\[]")


def creator_shown(task: Task, unit: str, user: str | None, shown: Shown | None) -> Creator:
    """Return what is known of the unit that makes the socket of a task."""
    if shown is None:
        return Creator(unit, user)
    # In a user's own manager the hook has no more rights than that user.
    files = shown.environment_files if user is None else ()
    sockets = max(1, len(shown.listens))
    environment = in_other_hands(files)
    return Creator(unit, user, sockets, task.unit_group, environment, shown.active)


def in_other_hands(paths: Iterable[str]) -> str | None:
    """Return the first of the files that somebody besides root could write or make, or None."""
    for path in paths:
        for one in _matching(path):
            if _is_others(one):
                return one
    return None


def _matching(path: str) -> list[str]:
    """Return the file; of a pattern, all that it matches and one that anybody might add."""
    found = _PATTERN.search(path)
    if found is None:
        return [path]
    import glob

    return [*glob.glob(path), os.path.join(os.path.dirname(path[: found.start()]), "?")]


def _is_others(path: str) -> bool:
    try:
        chain = walked(path)
    except (AccessError, OSError):
        # What root cannot look at is not root's alone.
        return True
    leaf = chain.leaf
    if unsafe_step(chain, owner=ROOT) is not None:
        return True
    if leaf is None:
        return False
    access = leaf.access
    acl = access.acl
    groups = ((access.gid, acl.group_obj), *acl.groups)
    return (
        leaf.kind != OTHER
        or access.uid != ROOT
        or bool(acl.other & WRITE)
        or any(acl.masked(held) & WRITE and gid != ROOT for gid, held in groups)
        or any(acl.masked(held) & WRITE and uid != ROOT for uid, held in acl.users)
    )
