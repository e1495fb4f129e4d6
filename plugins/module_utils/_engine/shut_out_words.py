# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""The sentence about clients that are connected now and will be refused later."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from .closing import END, TASK
from .host.processes import Process
from .model.words import listed, one_line

_MOST_NAMED = 3
_PLAIN = re.compile(r"[a-z_][a-z0-9_-]*")


class Client(NamedTuple):
    """A process, its user, and where a grant lets it connect if that is at another path."""

    process: Process
    user: str
    elsewhere: str | None = None


def in_words(path: str, clients: Sequence[Client], by: str) -> str:
    """Return one whole sentence that names the clients of a socket, and the ways out.

    ``by`` is what closes it, as the sockets that a run closes have it.
    """
    named = _varied(clients)[:_MOST_NAMED]
    shown = [f"{one_line(str(one.process))} of user {one_line(one.user)}" for one in named]
    if len(clients) > len(named):
        shown.append(f"{len(clients) - len(named)} more")
    one, it = len(clients) == 1, "it" if len(clients) == 1 else "them"
    undeclared = [one for one in clients if one.elsewhere is None]
    ways = list(_to_elsewhere(clients))
    if undeclared:
        ways.append(_to_let_in("the others" if ways else it, undeclared, by))
    return (
        f"{'This client' if one else 'These clients'} of the socket {path} "
        f"{'is' if one else 'are'} connected now and will be refused when "
        f"{'it connects' if one else 'they connect'} anew: {listed(shown)}; "
        f"{', '.join(ways)}, or let it be so."
    )


def _varied(clients: Iterable[Client]) -> list[Client]:
    """Return them with one of each user and unit first: a pool of workers hides no other one."""
    first: dict[tuple[str, str | None], Client] = {}
    again = []
    for one in clients:
        key = (one.user, one.process.unit)
        if first.setdefault(key, one) is not one:
            again.append(one)
    return [*first.values(), *again]


def _to_elsewhere(clients: Iterable[Client]) -> Iterable[str]:
    for user, at in dict.fromkeys((one.user, one.elsewhere) for one in clients):
        if at is not None:
            yield f"let user {one_line(user)} connect at {at}, where the grant is"


def _to_let_in(whom: str, clients: Iterable[Client], by: str) -> str:
    if by == END:
        return f"go on declaring what lets {whom} in"
    users = list(dict.fromkeys(one.user for one in clients))
    more = ["..."] if len(users) > _MOST_NAMED else []
    if by == TASK:
        called = [f"user {one_line(user)}" for user in users[:_MOST_NAMED]]
        return f"let {whom} in with this task ({', '.join([*called, *more])})"
    shown = [f"{{user: {_quoted(user)}}}" for user in users[:_MOST_NAMED]]
    return f"declare {whom} (allow: [{', '.join([*shown, *more])}])"


def _quoted(user: str) -> str:
    return user if _PLAIN.fullmatch(user) else json.dumps(user)
