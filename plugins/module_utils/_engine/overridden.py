# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Which other drop-ins of a unit take back what the one of ours says.

systemd reads all of them in the order of their names (systemd.unit(5)), and the one that ``systemctl
edit`` makes, override.conf, comes after ours.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from .host.atomic_file import read
from .keep.parts import Creator, KeptFile
from .model.words import listed
from .task import Task

# Of which systemd takes the last value; those of all other settings of ours add up until an empty one.
_LAST_COUNTS = frozenset({"SocketUser", "SocketGroup", "SocketMode", "Group", "UMask"})
_OURS = "50-socket-access-"
_NOT_BOTH = "One service cannot be born for two sockets; leave born out at one of them."
_WAY_OUT = "Take these lines out of it, or give it a name that comes before, such as 40-own.conf."


def overridden(task: Task, creator: Creator | None, files: Iterable[KeptFile]) -> list[str]:
    """Return a sentence for each drop-in of root's that is read after ours and says otherwise."""
    # A user's own manager reads what that user likes.
    if creator is None or creator.user is not None:
        return []
    own = [file for file in files if f"/{creator.unit}.d/" in file.path]
    ours = {key: value for file in own for key, value in _settings(file.content) if value}
    names = [os.path.basename(file.path) for file in own]
    said = []
    for path in creator.drop_ins if names else ():
        keys = _taken_back(path, ours) if os.path.basename(path) > names[0] else []
        if keys:
            ours_as_well = os.path.basename(path).startswith(_OURS)
            said.append(
                f"{path} is read after {names[0]}, which keeps the socket {task.declared.path} in "
                f"{creator.unit}, and sets {listed([f'{key}=' for key in keys])} otherwise, so "
                f"that does not work at the start of {creator.unit}: "
                f"socket-access-{task.declared.name}.path applies the policy right afterwards. "
                + (_NOT_BOTH if ours_as_well else _WAY_OUT)
            )
    return said


def _taken_back(path: str, ours: dict[str, str]) -> list[str]:
    content = (read(path) or b"").decode("utf-8", "replace")
    return sorted(
        {
            key
            for key, value in _settings(content)
            if key in ours and (not value or (key in _LAST_COUNTS and value != ours[key]))
        }
    )


def _settings(content: str) -> Iterator[tuple[str, str]]:
    for line in content.splitlines():
        key, equals, value = line.partition("=")
        if equals and not key.lstrip().startswith(("#", ";")):
            yield key.strip(), value.strip()
