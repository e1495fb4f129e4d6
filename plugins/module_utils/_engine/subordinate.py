# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Who is refused by name, and has other ids than that one.

A user with subordinate ids (subuid(5)) becomes any of them in a user namespace of his own
(newuidmap(1), user_namespaces(7)).  His process keeps its groups then, and no entry names it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from .model.account import Group, User
from .model.words import listed
from .report import Seen

_RANGES = "/etc/subuid"
_TOOLS = ("/usr/bin/newuidmap", "/usr/local/bin/newuidmap", "/bin/newuidmap")
_GROUP_MAY_WRITE = 0o020


def ways_around(seen: Iterable[Seen]) -> Iterator[str]:
    """Yield a sentence for each refusal that its user can come around under another id."""
    if not any(map(os.path.exists, _TOOLS)):
        return
    owners = _owners()
    for one in () if not owners else seen:
        for client in one.one.facts.refused:
            user = client.account
            if not isinstance(user, User) or not user.known:
                continue
            by = _let_in(one, user)
            if by and owners & {user.name, str(user.uid)}:
                yield (
                    f"User {user.name} is refused at {one.one.declared.path}, and can come around "
                    f"it: {_RANGES} gives this user other ids, under which its processes come in "
                    f"by what lets in {by}. Take the user's line out of {_RANGES}, or let in "
                    "users, or a group of which this user is no member, instead."
                )


def _let_in(one: Seen, user: User) -> str:
    """Return which groups of a user are let in, or that everyone is; nothing for neither."""
    facts, declared = one.one.facts, one.one.declared
    if one.plan.open_to_all:
        return "everyone"
    groups = [client.account for client in facts.allowed if isinstance(client.account, Group)]
    if facts.group is not None and (declared.mode is None or declared.mode & _GROUP_MAY_WRITE):
        groups.append(facts.group)
    has = {user.credentials.gid, *user.credentials.groups}
    return listed(sorted({f"the group {group.name}" for group in groups if group.gid in has}))


def _owners() -> set[str]:
    """Return who has subordinate ids, by name or by number."""
    try:
        with open(_RANGES, encoding="utf-8", errors="surrogateescape") as file:
            return {line.split(":")[0] for line in file if line.count(":") == 2}
    except OSError:
        return set()
