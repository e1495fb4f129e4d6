# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""The form of the record: what the resources write into it, by their kinds.

A record that was edited or cut is told from a good one when it is loaded, before anything else is
looked at; the resources themselves read what they wrote.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from ..errors import AccessError
from ..model.acl import Acl
from ..model.form import (
    Form,
    Unfit,
    account_id,
    each,
    flag,
    keys,
    many,
    maybe,
    number,
    one_of,
    path,
    table,
    text,
    whole,
)

FORMAT = 1


def _acl(value: Any) -> None:
    text(value)
    try:
        data = bytes.fromhex(value)
        acl = Acl.from_bytes(data)
    except (AccessError, ValueError) as error:
        raise Unfit("is no access control list") from error
    every = (acl.user_obj, acl.group_obj, acl.other, acl.mask or 0)
    named = acl.users + acl.groups
    widest = max(*every, *(permissions for dummy, permissions in named), 0)
    if acl.to_bytes() != data or widest > 7 or (named and acl.mask is None):
        raise Unfit("is no access control list")


def _content(value: Any) -> None:
    _decoded(value)


def _ours(value: Any) -> None:
    try:
        _decoded(value).decode()
    except UnicodeDecodeError as error:
        raise Unfit("is a text in base64 that is not UTF-8") from error


def _decoded(value: Any) -> bytes:
    text(value)
    try:
        return base64.b64decode(value, validate=True)
    except ValueError as error:
        raise Unfit("is not in base64") from error


def _id_in_text(value: Any) -> None:
    if not (value.isascii() and value.isdigit() and len(value) < 11):
        raise Unfit("is no id")
    account_id(int(value))


def _user_and_group(value: Any) -> None:
    text(value)
    user, dummy, group = value.rpartition(":")
    if not user or not group:
        raise Unfit("is no user and group")


# As in resources.mount_state, which loads what no hook needs.
_MOUNTED = ("absent", "current", "stale", "foreign")
_MODE = whole(0, 0o7777)
_PERMISSIONS = whole(0, 7)
_ENTRIES = table(_id_in_text, _PERMISSIONS)
_ACCESS = keys({"uid": account_id, "gid": account_id, "acl": _acl})
_ASKED = keys(
    {"users": _ENTRIES, "groups": _ENTRIES, "exclusive": flag, "trusted": many(path)},
    {
        "uid": account_id,
        "gid": account_id,
        "user_obj": _PERMISSIONS,
        "group_obj": _PERMISSIONS,
        "other": _PERMISSIONS,
    },
)
_MOUNT = keys(
    {
        "what": one_of(_MOUNTED),
        "count": whole(0, 1 << 31),
        "by": maybe(text),
        "lacks": many(text),
    }
)
_FILE = keys({"content": maybe(_content), "mode": _MODE, "missing": many(path)})
_MADE_FOR_IT = keys({"missing": many(path)})
_LINES = keys({"lines": many(_content), "missing": flag})
_SOURCE = keys({"source": path}, {"mount_as": maybe(text)})
_SINCE = keys({"since": number, "restart": flag})


def kind_of(name: Form, state: Form, request: Form) -> tuple[Form, Form]:
    """Return the form of what follows the kind in a key, and that of an entry of this kind."""
    entry = keys(
        {"before": state, "applied": state, "requests": table(text, request)},
        {"identity": maybe(text), "pending": flag, "births": many(state)},
    )
    return name, entry


KINDS: Mapping[str, tuple[Form, Form]] = {
    "socket": kind_of(path, _ACCESS, _ASKED),
    "directory": kind_of(path, _ACCESS, _ASKED),
    "endpoint": kind_of(path, maybe(_ACCESS), _ASKED),
    "target": kind_of(path, maybe(_MODE), flag),
    "mount": kind_of(path, _MOUNT, _SOURCE),
    "fstab": kind_of(path, _LINES, _content),
    "file": kind_of(path, _FILE, _ours),
    "unit": kind_of(text, flag, flag),
    "engine": kind_of(path, _MADE_FOR_IT, text),
    "member": kind_of(_user_and_group, flag, _SINCE),
}


def record_of(kinds: Mapping[str, tuple[Form, Form]]) -> Form:
    """Return the form of a whole record of resources of these kinds."""

    def entry(key: str, value: Any) -> None:
        kind, dummy, name = key.partition(":")
        # The files of a user's own manager have the user in their kind.
        kind, of, user = kind.partition("@")
        if kind not in kinds or (of and kind != "file"):
            raise Unfit("is of no kind that is known here")
        text(user)
        named, form = kinds[kind]
        named(name)
        form(value)

    return keys(
        {"format": whole(FORMAT, FORMAT), "entries": each(entry)},
        {"managed_by": text, "ended": table(text, text)},
    )
