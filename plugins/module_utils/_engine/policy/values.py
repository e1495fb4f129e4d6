# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Checkers of single values: each takes a value and its place, and returns the checked value.

A checker refuses through ``Place.wrong`` with what is wrong and the way out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from .nearest import kind, listing, nearest, show
from .problems import Place

# sun_path has 108 bytes, one of them the closing NUL (unix(7)).
PATH_BYTES = 107
# (uid_t) -1 means "no change" to chown(2), so it is nobody's id.
LARGEST_ID = 2**32 - 2
# The longest message that the kernel lets anybody send without raised limits (socket(7)).
MOST = 212_000
TYPES = ("stream", "seqpacket", "dgram")


def text(value: object, place: Place, wanted: str) -> str:
    """Return the value if it is a text with something in it; ``wanted`` says what it should be."""
    if not isinstance(value, str):
        place.wrong(f"The value is {kind(value)}; write {wanted}.")
    if not value:
        place.wrong(f"The text is empty; write {wanted}.")
    return value


def choice(value: object, place: Place, words: Iterable[str], what: str) -> str:
    """Return the value if it is one of the words, else refuse with the nearest."""
    known = tuple(words)
    word = text(value, place, f"one of {listing(known, 'or')}")
    if word not in known:
        near = nearest(word, known)
        hint = f" Did you mean {near}?" if near else ""
        place.wrong(f"{show(word)} is not a {what} here; use {listing(known, 'or')}.{hint}")
    return word


# systemd.unit(5) allows these characters and at most 255 of them.
_UNIT = re.compile(r"[A-Za-z0-9:_.@\\-]{1,247}\.(?:service|socket)")


def socket_type(value: object, place: Place) -> str:
    """Return a socket type (socket(7))."""
    return choice(value, place, TYPES, "socket type")


def boolean(value: object, place: Place) -> bool:
    """Return a boolean; the texts true, false, yes and no count as what they say."""
    if isinstance(value, bool):
        return value
    words = {"true": True, "yes": True, "false": False, "no": False}
    if isinstance(value, str) and value.lower() in words:
        return words[value.lower()]
    place.wrong(f"The value is {kind(value)}; write true or false.")


def mode(value: object, place: Place) -> int:
    """Return permission bits from a quoted octal text such as "0660"."""
    example = 'write the permission bits as octal digits in quotes, such as "0660"'
    if isinstance(value, int) and not isinstance(value, bool):
        place.wrong(
            f"The mode is {kind(value)}; put it in quotes, such as {_quoted_mode(value)}, because "
            "YAML reads 0660 without quotes as the number 432."
        )
    if not isinstance(value, str):
        place.wrong(f"The mode is {kind(value)}; {example}.")
    digits = value[2:] if value[:2] in ("0o", "0O") else value
    if len(digits) < 3 or not set(digits) <= set("01234567"):
        place.wrong(f"{show(value)} is not a mode that is understood here; {example}.")
    if len(digits.lstrip("0")) > 3:
        place.wrong(
            f"The mode {show(value)} has more than the permission bits 0000 to 0777; set-user-ID, "
            f"set-group-ID and sticky bits mean nothing for a socket, so {example}."
        )
    return int(digits, 8)


def _quoted_mode(number: int) -> str:
    """Return the text that somebody most likely meant by a bare number."""
    if 0 <= number <= 0o777:
        return f'"{number:04o}"'
    return f'"0{number}"' if 0 < number < 778 and set(str(number)) <= set("01234567") else '"0660"'


def user_name(value: object, place: Place) -> str:
    """Return a user's name, or the digits of a uid."""
    return _account(value, place, "user")


def group_name(value: object, place: Place) -> str:
    """Return a group's name, or the digits of a gid."""
    return _account(value, place, "group")


def _account(value: object, place: Place, what: str) -> str:
    """Return a name or the digits of an id; names of directory services (@, backslash) are fine."""
    if isinstance(value, int) and not isinstance(value, bool):
        if not 0 <= value <= LARGEST_ID:
            place.wrong(
                f"{show(value)} is not a numeric id; write the {what}'s name or a number from 0 to "
                f"{LARGEST_ID}."
            )
        return str(value)
    name = text(value, place, f"the {what}'s name in quotes, or a numeric id")
    if name.isascii() and name.isdigit():
        digits = name.lstrip("0") or "0"
        if len(digits) > len(str(LARGEST_ID)) or int(digits) > LARGEST_ID:
            place.wrong(
                f"{show(name)} is not a numeric id; write the {what}'s name or a number from 0 to "
                f"{LARGEST_ID}."
            )
        return digits
    bad = next((c for c in name if c in ":/," or c.isspace() or _is_control(c)), None)
    if bad is not None:
        place.wrong(
            f"The {what} name {show(name)} contains {show(bad)}, which no account name can; write "
            f"one {what}'s name, without colons, slashes, commas, blanks or control characters."
        )
    if name.startswith("-"):
        place.wrong(f"The {what} name {show(name)} starts with a dash; write one {what}'s name.")
    return name


def unit_name(value: object, place: Place) -> str:
    """Return the full name of a unit that can create a socket (systemd.unit(5))."""
    name = text(value, place, "a unit's full name, such as app.service")
    if not _UNIT.fullmatch(name):
        place.wrong(
            f"{show(name)} is not the full name of a .service or .socket unit; write the unit that "
            "creates the socket, such as app.service or app.socket."
        )
    if "@." in name:
        place.wrong(
            f"{show(name)} is a template, which runs no daemon itself; write the instance that "
            "creates the socket, such as app@web.service."
        )
    return name


def service_name(value: object, place: Place) -> str:
    """Return the full name of a .service unit (systemd.unit(5))."""
    name = unit_name(value, place)
    if not name.endswith(".service"):
        place.wrong(f"{show(name)} is not a .service unit; write the unit that runs the client.")
    return name


def count(value: object, place: Place, most: int = MOST) -> int:
    """Return how many of something there may be, from 1 to the bytes of the longest message."""
    wanted = f"write a whole number from 1 to {most}"
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        place.wrong(f"The value is {kind(value)}; {wanted}.")
    if not 1 <= value <= most:
        place.wrong(f"{show(value)} is out of range; {wanted}.")
    return value


def processes(value: object, place: Place) -> int:
    """Return how many processes there may be at once, from 1 to 10000."""
    return count(value, place, 10_000)


# What environ(7) allows and a shell can read again.
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")


def environment(value: object, place: Place) -> tuple[tuple[str, str], ...]:
    """Return variables and their values, sorted by name."""
    if not isinstance(value, Mapping):
        place.wrong(
            f"The value is {kind(value)}; write a dictionary, such as "
            "{PIPEWIRE_RUNTIME_DIR: /srv/audio}."
        )
    pairs = []
    for name, content in value.items():
        if not isinstance(name, str) or not _VARIABLE.fullmatch(name):
            place.wrong(
                f"{show(name)} is not the name of a variable; write letters, digits and "
                "underscores, and no digit first."
            )
        words = text(content, place.at(name), "the variable's value")
        bad = next((c for c in words if _is_control(c)), None)
        if bad is not None:
            place.at(name).wrong(
                f"The value contains the control character {show(bad)}; write one line of text."
            )
        pairs.append((name, words))
    return tuple(sorted(pairs))


def seconds(value: object, place: Place) -> float:
    """Return a length of time in seconds, from a tenth of one to ten minutes."""
    wanted = "write a number of seconds from 0.1 to 600"
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        place.wrong(f"The value is {kind(value)}; {wanted}.")
    try:
        number = float(value)
    except (ValueError, OverflowError):
        number = -1.0
    if not 0.1 <= number <= 600:
        place.wrong(f"{show(value)} is out of range or no number; {wanted}.")
    return number


def socket_path(value: object, place: Place) -> str:
    """Return an absolute, normal path that fits in a socket's address (unix(7))."""
    if isinstance(value, str) and value.startswith(("@", "\0")):
        place.wrong(
            f"{show(value)} is an abstract socket: it has no inode, so it has no permissions, and "
            "every process of the network namespace can connect. Let the daemon listen on a path, "
            "such as /run/app/app.sock, and declare that."
        )
    path = _normal_path(value, place, "the absolute path of the socket")
    if path == "/":
        place.wrong("/ is the root directory; write the absolute path of the socket.")
    size = len(path.encode("utf-8"))
    if size > PATH_BYTES:
        place.wrong(
            f"The path {show(path)} has {size} bytes, and the address of a Unix socket holds "
            f"{PATH_BYTES} (unix(7)); let the daemon listen on a shorter path."
        )
    return path


def directory(value: object, place: Place) -> str:
    """Return the absolute, normal path of a directory."""
    return _normal_path(value, place, "the absolute path of a directory")


def _normal_path(value: object, place: Place, wanted: str) -> str:
    path = text(value, place, wanted)
    bad = next((c for c in path if _is_control(c)), None)
    if bad is not None:
        place.wrong(
            f"The path {show(path)} contains the control character {show(bad)}; write {wanted} "
            "without NUL, control and invalid characters."
        )
    if not path.startswith("/"):
        place.wrong(f"{show(path)} is not an absolute path; write {wanted}, starting with /.")
    normal = _normalised(path)
    if path != normal:
        place.wrong(f"{show(path)} is not in its normal form; write {show(normal)}.")
    return path


def _is_control(character: str) -> bool:
    """Tell whether a character is a control, a line separator or half a character.

    Not ``str.isprintable``, which knows other characters in every version of Python, so that the
    controller and the host could disagree.
    """
    code = ord(character)
    return code < 32 or 127 <= code < 160 or code in (0x2028, 0x2029) or 0xD800 <= code < 0xE000


def _normalised(path: str) -> str:
    """Return the path without empty, "." and ".." components.

    Lexically only: it is a suggestion for a person, so a link before ".." does not matter.
    """
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    return "/" + "/".join(parts)
