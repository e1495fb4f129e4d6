# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Who may come through a gate, and the document that says so."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple, Optional

from ..errors import AccessError
from .peer import NO_ID, Peer

# One message needs its size and some overhead in the sender's buffer, 212,992 bytes by default
# (net.core.wmem_default; sock_alloc_send_pskb() in Linux net/core/sock.c).
LARGEST_MESSAGE = 212_000
LONGEST_PATH = 107
# Of commands that run at once, and how long one that has to end may take, in seconds.
AT_ONCE, FINISH_SECONDS = 8, 30

# Why a caller is refused; the words are part of the journal's records (REASON).
NOT_LISTED, OVERFLOW, FOREIGN_PID, NO_IDENTITY = (
    "not-listed",
    "overflow-id",
    "foreign-pid",
    "no-identity",
)

Find = Callable[[str], Optional[int]]


class GateRules(NamedTuple):
    """What a gate does, for whom and how much of it.

    ``users`` and ``groups`` are all who may come in.  Root is no exception: unlike a file mode, a
    gate refuses user id 0 unless it is listed.  Times are in seconds, sizes in bytes.
    """

    name: str
    path: str
    type: str
    users: frozenset[int] = frozenset()
    groups: frozenset[int] = frozenset()
    forward: str | None = None
    command: tuple[str, ...] = ()
    allow_overflow: bool = False
    allow_foreign_pid: bool = False
    max_connections: int = 1024
    max_connections_per_user: int = 256
    max_message: int = 65536
    time_limit: float = 30
    at_once: int = AT_ONCE
    at_once_per_user: int = AT_ONCE - 1
    request_seconds: float = 30
    finish_seconds: float = FINISH_SECONDS
    unresolved: tuple[str, ...] = ()

    def refusal(
        self, peer: Peer, groups: Callable[[], Collection[int]], overflow: Collection[int]
    ) -> str | None:
        """Return why a caller is refused, or None when it may come in.

        ``groups`` gives its supplementary groups, and is called only where they decide; OSError
        from it is the caller's to handle.  ``overflow`` are the ids by which the kernel shows
        everyone who is not mapped in this user namespace (user_namespaces(7)).
        """
        uid, gid = peer.uid, peer.gid
        if uid in NO_ID or gid in NO_ID:
            return NO_IDENTITY
        if not self.allow_overflow and (uid in overflow or gid in overflow):
            return OVERFLOW
        # A negative one never comes from the kernel.
        if peer.pid <= 0 and not (self.allow_foreign_pid and peer.pid == 0):
            return FOREIGN_PID
        if uid in self.users or gid in self.groups:
            return None
        listed = self.groups if self.allow_overflow else self.groups.difference(overflow)
        if listed and not listed.isdisjoint(groups()):
            return None
        return NOT_LISTED


_FLAGS = ("allow_overflow", "allow_foreign_pid")
# The least and the most of each number.
_COUNTS = {
    "max_connections": (1, 1_000_000),
    "max_connections_per_user": (1, 1_000_000),
    "max_message": (1, LARGEST_MESSAGE),
    "at_once": (1, 10_000),
    "at_once_per_user": (1, 10_000),
}
_SECONDS = ("time_limit", "request_seconds", "finish_seconds")
_TEXTS = ("name", "path", "type", "forward", "about")
_LISTS = ("users", "groups", "command")
_KEYS = frozenset((*_FLAGS, *_COUNTS, *_SECONDS, *_TEXTS, *_LISTS))


def from_json(
    data: Mapping[str, Any], find_user: Find | None = None, find_group: Find | None = None
) -> GateRules:
    """Return the rules of a document, with its names resolved now by the host's name service.

    A name that nobody has gives nothing and stands in ``unresolved``.  ``find_user`` and
    ``find_group`` replace the name service.  Raises AccessError for whatever cannot be understood:
    a rule that was skipped could be the one that keeps somebody out.
    """
    if not isinstance(data, Mapping):
        raise AccessError("The rules of a gate must be one JSON object.")
    unknown = sorted(set(data) - _KEYS)
    if unknown:
        raise AccessError(f"The rules of a gate have no key {unknown[0]!r}; remove it.")
    values: dict[str, Any] = {key: _text(data, key) for key in ("name", "path", "type")}
    if values["type"] not in ("stream", "seqpacket"):
        raise AccessError(f"type must be stream or seqpacket, not {values['type']!r}.")
    values.update({key: _flag(data, key) for key in _FLAGS if key in data})
    values.update({key: _count(data, key, *_COUNTS[key]) for key in _COUNTS if key in data})
    values.update({key: _seconds(data, key) for key in _SECONDS if key in data})
    if "at_once_per_user" not in values:
        # So that no single user takes the last place.
        values["at_once_per_user"] = max(1, values.get("at_once", AT_ONCE) - 1)
    values.update(_what_it_does(data))
    users, no_users = _ids(data, "users", find_user or _find_user)
    groups, no_groups = _ids(data, "groups", find_group or _find_group)
    return GateRules(users=users, groups=groups, unresolved=no_users + no_groups, **values)


def _what_it_does(data: Mapping[str, Any]) -> dict[str, Any]:
    if ("forward" in data) == ("command" in data):
        raise AccessError("A gate needs either forward or command, and not both.")
    if "forward" in data:
        path = _text(data, "forward")
        if not path.startswith("/") or len(os.fsencode(path)) > LONGEST_PATH:
            raise AccessError(
                f"forward must be an absolute path of at most {LONGEST_PATH} bytes, not {path!r}."
            )
        return {"forward": path}
    command = data["command"]
    if not isinstance(command, list) or not command:
        raise AccessError("command must be a list: the program and its arguments.")
    for word in command:
        if not isinstance(word, str) or "\0" in word:
            raise AccessError(f"command must be a list of texts, and {word!r} is none.")
    if not command[0].startswith("/"):
        raise AccessError(f"The program of command must be an absolute path, not {command[0]!r}.")
    return {"command": tuple(command)}


def _text(data: Mapping[str, Any], key: str) -> str:
    value = data.get(key)
    if not isinstance(value, str) or not value or "\0" in value:
        raise AccessError(f"{key} must be a text, not {value!r}.")
    return value


def _flag(data: Mapping[str, Any], key: str) -> bool:
    if not isinstance(data[key], bool):
        raise AccessError(f"{key} must be true or false, not {data[key]!r}.")
    return bool(data[key])


def _count(data: Mapping[str, Any], key: str, least: int, most: int) -> int:
    value = data[key]
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise AccessError(f"{key} must be a whole number from {least} to {most}, not {value!r}.")
    return value


def _seconds(data: Mapping[str, Any], key: str) -> float:
    value = data[key]
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= 86400:
        raise AccessError(f"{key} must be more than 0 and at most 86400 seconds, not {value!r}.")
    return float(value)


def _ids(data: Mapping[str, Any], key: str, find: Find) -> tuple[frozenset[int], tuple[str, ...]]:
    listed = data.get(key, [])
    if not isinstance(listed, list):
        raise AccessError(f"{key} must be a list of names and ids, not {listed!r}.")
    found, missing = set(), []
    for one in listed:
        if isinstance(one, bool) or not isinstance(one, (str, int)) or one == "":
            raise AccessError(f"{key} must be a list of names and ids, and {one!r} is neither.")
        number = one if isinstance(one, int) else _number(one, find)
        if number is None:
            missing.append(f"{key[:-1]} {one}")
        elif not 0 <= number < 0xFFFFFFFF:
            raise AccessError(f"{key} has {one!r}, which is no id; ids are 0 to 4294967294.")
        else:
            found.add(number)
    return frozenset(found), tuple(missing)


def _number(name: str, find: Find) -> int | None:
    number = find(name)
    if number is None and name.isascii() and name.isdigit():
        return int(name)
    return number


def _find_user(name: str) -> int | None:
    import pwd

    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        return None


def _find_group(name: str) -> int | None:
    import grp

    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        return None
