# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""The table of ``serve``: a command that is run for each request, and its limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from .nearest import kind, show
from .problems import Place, Problem, Wrong
from .table import Item, Row, Values, read
from .types import Grant, Serve
from .values import count, processes, seconds, text, user_name


def _word(value: object, place: Place) -> str:
    """Return one word of a command."""
    word = text(value, place, "a word of the command in quotes")
    if "\0" in word:
        place.wrong(f"{show(word)} contains a NUL, which no argument can; remove it.")
    return word


SERVE_KEYS: Mapping[str, Row] = {
    "command": Row(
        _word,
        "the program with its arguments as a list, such as [/usr/local/bin/update-config]",
        listed=True,
        required=True,
        also=("argv", "cmd", "exec"),
    ),
    "user": Row(user_name, "the user as whom the command runs", required=True, also=("run_as",)),
    "time_limit": Row(seconds, "a number of seconds", also=("timeout",)),
    "request_seconds": Row(seconds, "a number of seconds"),
    "at_once": Row(processes, "a number of commands"),
    "at_once_per_user": Row(processes, "a number of commands"),
    "max_connections": Row(count, "a number of connections"),
    "max_connections_per_user": Row(count, "a number of connections"),
    "max_message": Row(count, "a number of bytes"),
}


def serve(value: object, place: Place) -> Serve:
    """Return the command that is declared for each request."""
    if not isinstance(value, Mapping):
        place.wrong(
            f"The value is {kind(value)}; write a dictionary with command and user, such as "
            "{command: [/usr/local/bin/update-config], user: configowner}."
        )
    values, problems = read(value, place, SERVE_KEYS, repeats=("command",))
    words = [cast(str, item.value) for item in cast(list[Item], values.get("command", []))]
    if "command" in values and not (words and words[0].startswith("/")):
        problems.append(
            place.at("command").problem(
                "The command does not start with the absolute path of a program; write it, for "
                "there is no shell that would look for it."
            )
        )
    if problems:
        raise Wrong(problems)
    fields: dict[str, Any] = {**values, "command": tuple(words)}
    return Serve(**fields)


def describe_serve(declared: Serve) -> dict[str, Any]:
    """Return the declaration in its normal form."""
    described = {key: getattr(declared, key) for key in SERVE_KEYS}
    described["command"] = list(declared.command)
    return {key: value for key, value in described.items() if value is not None}


def served_alone(values: Values, here: Place) -> Iterator[Problem]:
    """A socket that a gate of ours makes has no daemon, and nothing to pass on."""
    if not isinstance(values.get("serve"), Serve):
        return
    for key in ("unit", "unit_user", "born", "strict", "deadline"):
        if values.get(key):
            yield here.at(key).problem(
                f"{key} has no use beside serve, because a unit of this collection makes the "
                "socket; remove the key."
            )
    if values.get("type") == "dgram":
        yield here.at("type").problem(
            "serve cannot answer datagrams, because their senders have no connection for an "
            "answer; declare stream or seqpacket."
        )
    for item in cast(list[Item], values.get("allow", [])):
        if cast(Grant, item.value).endpoint is not None:
            yield item.place.at("at").problem(
                "Who calls is told by the connection itself, so nobody can pass it on to a command "
                "of serve; remove at and the method, and let the client connect to the socket."
            )
