# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""What an answer of a host must look like to come into the report.

Who has taken over a host decides what it answers.  An answer of another form is that host's
failure, and must not keep the controller from telling of all the others.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping, Sequence

SEVERITIES = ("high", "medium", "low")
# Of an inode, the largest there is.
_LARGEST = 2**64 - 1


class Misfit(Exception):
    """An answer of another form; the message says where, and what should be there."""


class Maybe(t.NamedTuple):
    """Something of a form, or null."""

    form: t.Any


class Each(t.NamedTuple):
    """A dictionary with any names, all of whose values have a form."""

    form: t.Any


_NAME = Maybe(str)
_MODE = Maybe(re.compile("[0-7]{4}"))
_WHO = re.compile("(?:user|group) .+", re.DOTALL)
_STATE = re.compile("as declared|differs|(?:hook |membership )?missing|incomplete|unknown")
_KNOWN = Maybe({"what": str, "why": str})
_PROCESS = {
    "pid": int,
    "name": _NAME,
    "exe": _NAME,
    "user": _NAME,
    "unit": _NAME,
    "unit_user": _NAME,
}
_ACCESS = {"owner": _NAME, "group": _NAME, "mode": _MODE, "acl": Maybe([str])}
_REACH = {
    "everyone": bool,
    "users": [str],
    "groups": [str],
    "refused_users": [str],
    "refused_groups": [str],
    "reason": str,
}
_SOCKET = {
    "socket": str,
    "path": _NAME,
    "bound": _NAME,
    "note": _NAME,
    "abstract": bool,
    "listening": bool,
    "type": Maybe(re.compile("stream|seqpacket|dgram")),
    "device": Maybe(int),
    "inode": Maybe(int),
    **_ACCESS,
    "closed_by": [{"path": str, **_ACCESS}],
    "mounted_at": [str],
    "unit": _NAME,
    "unit_user": _NAME,
    "processes": [_PROCESS],
    "connections": int,
    "connected": [{**_PROCESS, "connections": int}],
    "reach": Maybe(_REACH),
    "root": Maybe(bool),
    "powerful": _KNOWN,
    "by_design": _KNOWN,
    "managed_by": [{"name": str, "holder": str, "state": _STATE}],
}
_FINDING = {
    "id": re.compile("[a-z]+(-[a-z]+)*"),
    "severity": re.compile("|".join(SEVERITIES)),
    "socket": str,
    "message": str,
    "remedy": str,
}
INFO = {"sockets": [_SOCKET], "findings": [_FINDING], "unseen": [str]}
_GRANT = {
    "principal": _WHO,
    "method": str,
    "reason": str,
    "rejected": [{"method": str, "reason": str}],
    "endpoint": str,
    "expires": _NAME,
}
_DECLARED = {
    "path": str,
    "exists": bool,
    "grants": [_GRANT],
    "refused": [{"principal": _WHO}],
    "kept_by": [str],
    "notes": [str],
}
POLICY = {"changes": [str], "sockets": Each(_DECLARED)}
_CONNECTION = {
    "principal": _WHO,
    "connected": bool,
    "refused": bool,
    "errno": _NAME,
    "message": str,
}
CONNECTIONS = [_CONNECTION]


def taken(value: t.Any, form: t.Any, where: str) -> t.Any:
    """Return a copy of what the form has, and of nothing else; raises Misfit."""
    if form is str:
        if isinstance(value, str):
            return value
    elif isinstance(form, Maybe):
        return None if value is None else taken(value, form.form, where)
    elif isinstance(form, dict):
        if isinstance(value, Mapping):
            # What is missing is found where it should be.
            return {key: taken(value.get(key), one, f"{where}.{key}") for key, one in form.items()}
    elif isinstance(form, list):
        if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
            return [taken(one, form[0], f"{where}[{n}]") for n, one in enumerate(value)]
    elif isinstance(form, Each):
        if isinstance(value, Mapping):
            return {
                taken(key, str, where): taken(one, form.form, f"{where}.{str(key)[:40]}")
                for key, one in value.items()
            }
    elif isinstance(form, re.Pattern):
        if isinstance(value, str) and form.fullmatch(value):
            return value
    elif form is bool:
        if isinstance(value, bool):
            return value
    elif isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST:
        return value
    raise Misfit(
        f"The host did not answer in the form of this collection: {where} is {_short(value)}. "
        "Look at the host itself: another program than this collection's module has answered."
    )


def _short(value: t.Any) -> str:
    """Return what something is, or its beginning; its whole could be very long, or very deep."""
    if value is None:
        return "missing"
    if isinstance(value, (str, int, float)):
        return f"{str(value)[:40]!r}"
    return f"a {'dictionary' if isinstance(value, Mapping) else 'list'}"
