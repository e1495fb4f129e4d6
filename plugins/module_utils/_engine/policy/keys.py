# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""The tables of the declaration: which keys and which methods exist in this version."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from .endpoint_keys import ENDPOINT_FIELDS, ENDPOINT_KEYS, WITH_ENDPOINT, stopped_by
from .moments import moment
from .nearest import kind, listing
from .problems import Place, Problem, Wrong
from .serve import serve
from .table import Item, Row, read
from .types import Endpoint, Grant, Principal
from .values import (
    boolean,
    choice,
    count,
    directory,
    environment,
    group_name,
    mode,
    seconds,
    service_name,
    socket_path,
    socket_type,
    unit_name,
    user_name,
)

# What each method does, in words.
METHODS: Mapping[str, str] = {
    "auto": "chosen on the host, with the reason",
    "group": "owner, group and mode of the socket, and membership of the group",
    "acl": "an entry in the socket's access control list",
    "proxy": "a process that passes everything on from a second socket",
    "bind_mount": "the socket's inode under a second path",
    "gate": "a process at a second path that asks the kernel who is calling",
}

# The programs that can be a proxy, and what they are.
ENGINES: Mapping[str, str] = {
    "socat": "socat(1), for stream and seqpacket sockets",
    "systemd-socket-proxyd": "systemd-socket-proxyd(8), for stream sockets",
}


def _method(value: object, place: Place) -> str:
    return choice(value, place, METHODS, "method")


def _engine(value: object, place: Place) -> str:
    return choice(value, place, ENGINES, "program for a proxy")


_PRINCIPAL_KEYS: Mapping[str, Row] = {
    "user": Row(user_name, "a user's name or numeric id", also=("uid", "username", "name")),
    "group": Row(group_name, "a group's name or numeric id", also=("gid", "groupname")),
}

GRANT_KEYS: Mapping[str, Row] = {
    **_PRINCIPAL_KEYS,
    "method": Row(_method, "one method", also=("via", "by", "how")),
    "open_parents": Row(
        directory, "a list of directories above the socket", listed=True, also=("parents",)
    ),
    "restart_clients": Row(boolean, "true or false", also=("restart",)),
    "expires": Row(
        moment, "a date and time with its zone, or a date", also=("until", "valid_until", "expiry")
    ),
    "at": Row(
        socket_path,
        "the absolute path where the client connects, such as /run/app-client/app.sock",
        also=("endpoint", "target", "dest", "listen"),
    ),
    "engine": Row(_engine, "socat or systemd-socket-proxyd", also=("program",)),
    "at_owner": Row(user_name, "a user's name or numeric id", also=("owner",)),
    "at_group": Row(group_name, "a group's name or numeric id"),
    "at_mode": Row(mode, 'octal digits in quotes, such as "0660"', also=("mode",)),
    "run_as": Row(user_name, "a user's name or numeric id", also=("account",)),
    "lose_identity": Row(boolean, "true or false"),
    "max_connections": Row(count, "a number of connections", also=("max_children",)),
    "max_connections_per_user": Row(count, "a number of connections"),
    "max_message": Row(count, "a number of bytes"),
    "mount_as": Row(user_name, "a user's name or numeric id", also=("mounter",)),
    "trust_mounter": Row(boolean, "true or false"),
    "directory_owner": Row(user_name, "a user's name or numeric id"),
    "directory_group": Row(group_name, "a group's name or numeric id"),
    "directory_mode": Row(mode, 'octal digits in quotes, such as "0710"'),
    "client_unit": Row(service_name, "the client's .service unit", also=("client_service",)),
    "client_environment": Row(
        environment, "a dictionary of variables and their values", also=("client_env",)
    ),
}


def _principal(values: Mapping[str, object], place: Place) -> Principal:
    """Return the one principal of an item that has exactly one of user and group."""
    both = [kind_ for kind_ in _PRINCIPAL_KEYS if kind_ in values]
    if len(both) != 1:
        found = "both user and group" if both else "neither user nor group"
        place.wrong(f"The item names {found}; write exactly one of them, and one item for each.")
    return Principal(both[0], cast(str, values[both[0]]))


def _item(
    value: Mapping[object, object], place: Place, rows: Mapping[str, Row]
) -> tuple[Principal, dict[str, object]]:
    """Check one item by its table; return its principal and all values."""
    values, problems = read(value, place, rows, BESIDE_ALLOW)
    # A principal with a wrong name was refused already; it is not missing.
    named = {key: values.get(key) for key in _PRINCIPAL_KEYS if key in value}
    principal = None
    # Nor is one whose key is misspelt: the unknown key was reported with the nearest right one.
    if named or value.keys() <= rows.keys():
        try:
            principal = _principal(named, place)
        except Wrong as wrong:
            problems += wrong.problems
    if problems or principal is None:
        raise Wrong(problems)
    return principal, values


def _grant(value: object, place: Place) -> Grant:
    """Return the grant that an item of ``allow`` declares."""
    if not isinstance(value, Mapping):
        example = value if isinstance(value, str) and value.isalnum() else "nginx"
        place.wrong(
            f"The item is {kind(value)}; write a dictionary that names one user or one group, "
            f"such as {{user: {example}}}."
        )
    principal, values = _item(value, place, GRANT_KEYS)
    method = cast(str, values.get("method", "auto"))
    return Grant(
        principal,
        method=method,
        endpoint=_endpoint(method, values, place),
        open_parents=cast("tuple[str, ...]", plain(values.get("open_parents", ()))),
        restart_clients=cast(bool, values.get("restart_clients", False)),
        expires=cast("int | None", values.get("expires")),
    )


def _endpoint(method: str, values: Mapping[str, object], place: Place) -> Endpoint | None:
    """Return where a grant lets its principal connect, None for the socket itself."""
    chosen = method == "auto" and "at" in values
    problems = _no_method_for_all(values, place) if chosen else []
    for key in values:
        methods = ENDPOINT_KEYS.get(key)
        if methods is not None and method not in methods and not chosen:
            problems.append(
                place.at(key).problem(
                    f"{key} does nothing with the method {method}; remove the key, or declare "
                    f"method: {listing(methods, 'or')}."
                )
            )
    if method in ENDPOINT_KEYS["at"] and "at" not in values:
        problems.append(
            place.at("at").problem(
                f"The key is missing, and the method {method} lets the principal connect at "
                "another path; write the absolute path where it shall connect."
            )
        )
    if problems:
        raise Wrong(problems)
    if "at" not in values:
        return None
    fields = {ENDPOINT_FIELDS.get(key, key): values[key] for key in ENDPOINT_KEYS if key in values}
    return Endpoint(**fields)  # type: ignore[arg-type]


def _no_method_for_all(values: Mapping[str, object], place: Place) -> list[Problem]:
    """What is chosen on the host must have a use for everything that is declared."""
    stopped = stopped_by(values)
    if len(stopped) < len(WITH_ENDPOINT):
        return []
    keys = list(dict.fromkeys(stopped.values()))
    return [
        place.at(keys[-1]).problem(
            f"No method has a use for {listing(keys)} together, so auto has nothing to choose; "
            "keep the keys of one method."
        )
    ]


def principal(value: object, place: Place) -> Principal:
    """Return the principal that an item declares by itself; a bare name is a user's."""
    if isinstance(value, Mapping):
        return _item(value, place, _PRINCIPAL_KEYS)[0]
    if isinstance(value, (str, int)) and not isinstance(value, bool):
        return Principal("user", user_name(value, place))
    place.wrong(
        f"The item is {kind(value)}; write a user's name or numeric id, {{user: NAME}} or "
        "{group: NAME}."
    )


def plain(value: object) -> object:
    """Return a read value without the places of its items: a list becomes a tuple."""
    if isinstance(value, list):
        return tuple(item.value if isinstance(item, Item) else item for item in value)
    return value


SOCKET_KEYS: Mapping[str, Row] = {
    "path": Row(
        socket_path,
        "the absolute path of the socket, such as /run/app/app.sock",
        required=True,
        also=("socket", "file", "source", "src", "dest", "listen"),
    ),
    "type": Row(socket_type, "stream, seqpacket or dgram"),
    "owner": Row(user_name, "a user's name or numeric id", also=("uid",)),
    "group": Row(group_name, "a group's name or numeric id", also=("gid",)),
    "mode": Row(
        mode, 'octal digits in quotes, such as "0660"', also=("permissions", "perms", "chmod")
    ),
    "allow": Row(
        _grant,
        "a list of grants, such as [{user: nginx}]",
        listed=True,
        also=("grant", "grants", "permit", "accept"),
    ),
    "refuse": Row(
        principal,
        "a list of users, such as [nobody], or {group: NAME}",
        listed=True,
        also=("deny", "denied", "forbid", "reject", "block"),
    ),
    "trust_directories": Row(
        directory, "a list of directories above the socket", listed=True, also=("trust",)
    ),
    "unit": Row(
        unit_name,
        "the unit that creates the socket, such as app.service",
        also=("service", "daemon", "systemd_unit"),
    ),
    "unit_user": Row(user_name, "the user in whose manager the unit is", also=("user_unit",)),
    "born": Row(boolean, "true or false"),
    "strict": Row(boolean, "true or false"),
    "deadline": Row(seconds, "a number of seconds", also=("timeout", "wait")),
    "serve": Row(serve, "a dictionary with command and user", also=("command", "run")),
}

# Right keys in the wrong place, and where that place is.
IN_ALLOW: Mapping[str, str] = {
    key: "into an item of allow" for key in GRANT_KEYS if key not in SOCKET_KEYS
}
BESIDE_ALLOW: Mapping[str, str] = {
    key: "to the socket, beside allow; for an endpoint write at_" + key
    if f"at_{key}" in GRANT_KEYS
    else "to the socket, beside allow"
    for key in SOCKET_KEYS
    if key not in GRANT_KEYS
}
