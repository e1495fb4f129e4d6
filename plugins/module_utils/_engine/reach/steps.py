# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""The walk of a path, replayed over what was seen of it: what the kernel checks, in its order.

Sources: path_resolution(7); Linux ``fs/namei.c`` (``link_path_walk``, ``pick_link``).
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from ..model.chain import DIRECTORY, MOST_LINKS, SYMLINK, Chain, Component, names_in

SEARCH = "search"
ENTER = "enter"
FOLLOW = "follow"
LEAF = "leaf"
MISSING = "missing"
NOT_A_DIRECTORY = "not-a-directory"
TOO_MANY_LINKS = "too-many-links"


class Step(NamedTuple):
    """One thing that happens on the way.

    ``search``: a name is looked up in ``component``.  All others are about the entry ``path`` of
    ``directory``: ``enter`` a directory, ``follow`` a link, arrive at the ``leaf``, or fail.
    ``last`` tells that no name is left to look up, which for a link makes it a trailing one.
    """

    kind: str
    path: str
    component: Component | None
    directory: Component | None
    last: bool = False


# Many principals are judged by the same chain.
@lru_cache(maxsize=8)
def steps(chain: Chain) -> tuple[Step, ...]:
    """Return the steps of the whole walk, as root takes them; each directory is searched once.

    Raises ValueError for a chain that does not hold the root directory.
    """
    return tuple(_Replay(chain).run())


class _Replay:
    def __init__(self, chain: Chain) -> None:
        self.known = {one.path: one for one in chain.components}
        if "/" not in self.known:
            raise ValueError(f"The chain of {chain.path} lacks the root directory.")
        self.todo = names_in(chain.path)
        self.at = [self.known["/"]]
        self.links = 0
        self.steps: list[Step] = []

    def run(self) -> list[Step]:
        while self.todo:
            if not self._next(self.todo.pop()):
                return self.steps
        here = self.at[-1]
        self.steps.append(Step(LEAF, here.path, here, None, True))
        return self.steps

    def _next(self, name: str) -> bool:
        """Look one name up; False when the walk ends there."""
        here = self.at[-1]
        search = Step(SEARCH, here.path, here, None)
        if search not in self.steps:
            self.steps.append(search)
        if name == "..":
            if len(self.at) > 1:
                self.at.pop()
            return True
        path = f"{here.path.rstrip('/')}/{name}"
        found = self.known.get(path)
        kind = self._kind(found)
        self.steps.append(Step(kind, path, found, here, not self.todo))
        if found is not None and kind == ENTER:
            self.at.append(found)
        elif found is not None and kind == FOLLOW:
            target = found.target or ""
            if target.startswith("/"):
                del self.at[1:]
            self.todo += names_in(target)
        return kind in (ENTER, FOLLOW)

    def _kind(self, found: Component | None) -> str:
        if found is None:
            return MISSING
        if found.kind == DIRECTORY:
            return ENTER
        if found.kind == SYMLINK:
            self.links += 1
            return FOLLOW if self.links <= MOST_LINKS else TOO_MANY_LINKS
        return NOT_A_DIRECTORY if self.todo else LEAF
