# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""The text of fstab(5): its lines by their targets, and one line of ours added or taken out.

It is worked on as bytes, and whatever is not ours stays as it is, byte by byte.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ..errors import AccessError

MARK = "x-socket-access="

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@:+-]*\Z")
_NUMBER = re.compile(rb"[0-9]+\Z")
_ESCAPED = re.compile(rb"\\([0-7]{3})")
# Those that every reader of the file takes for the same: getmntent(3) of old C libraries knows no
# others, libmount takes every three octal digits, so what another one means is not certain.
_CERTAIN = frozenset((b"040", b"011", b"012", b"134", b"043"))
_SEPARATORS = re.compile(rb"[ \t]+")


class Line(NamedTuple):
    """One mount of the file: its number from 1, its bytes without the line's end, its fields."""

    number: int
    raw: bytes
    source: bytes
    target: bytes
    options: tuple[bytes, ...]

    @property
    def ours(self) -> bool:
        return any(option.startswith(MARK.encode()) for option in self.options)


def escape(field: bytes) -> bytes:
    """Return a field as the file holds it (getmntent(3)), "#" at its beginning included."""
    for one, code in ((b"\\", b"134"), (b" ", b"040"), (b"\t", b"011"), (b"\n", b"012")):
        field = field.replace(one, b"\\" + code)
    return b"\\043" + field[1:] if field.startswith(b"#") else field


def unescape(field: bytes) -> bytes:
    """Return what a field means: a backslash with three octal digits is one byte."""
    return _ESCAPED.sub(lambda found: bytes((int(found[1], 8) & 0xFF,)), field)


def user_line(source: str, target: str, name: str) -> bytes:
    """Return the line that lets a user mount a socket, without the line's end.

    ``name`` tells later whose line it is.  Raises AccessError for a name that would change what the
    line says, and for paths that the file cannot hold.
    """
    if not _NAME.match(name):
        raise AccessError(
            f"{name!r} cannot stand in the fstab line for {target}; use letters, digits and "
            "._@:+- only, and begin with a letter or digit."
        )
    for path in (source, target):
        if not path.startswith("/") or "\0" in path or "\r" in path:
            raise AccessError(
                f"{path!r} cannot stand in a line of fstab; use an absolute path without a NUL "
                "character or a carriage return."
            )
    options = f"bind,rw,user,noauto,nofail,{MARK}{name}".encode()
    fields = (escape(_bytes(source)), escape(_bytes(target)), b"none", options, b"0", b"0")
    return b" ".join(fields)


def parse(text: bytes, *, strict: bool = True) -> list[Line]:
    """Return all mounts of the file.

    Raises AccessError that names the first line which mount(8) would not understand either, or of
    which it is not certain what target it has; without ``strict`` such lines are left out.
    """
    lines = []
    for number, raw in enumerate(text.split(b"\n"), start=1):
        body = raw[:-1] if raw.endswith(b"\r") else raw
        fields = _SEPARATORS.split(body.strip(b" \t"))
        if fields[0] == b"" or fields[0].startswith(b"#"):
            continue
        try:
            lines.append(_line(number, raw, fields))
        except AccessError:
            if strict:
                raise
    return lines


def find(text: bytes, target: str, *, strict: bool = True) -> list[Line]:
    """Return the mounts on this target; raises AccessError as ``parse`` does."""
    wanted = _plain(_bytes(target))
    return [line for line in parse(text, strict=strict) if _plain(line.target) == wanted]


def in_the_way(lines: list[Line], socket: str, target: str, path: str) -> str | None:
    """Return why a socket cannot be mounted on a target with these lines in the file ``path``.

    mount(8) takes the first line that has the target, and systemd makes a unit of it that mounts at
    boot (systemd-fstab-generator(8)).
    """
    for line in lines:
        if not line.ours:
            source = line.source.decode("utf-8", "backslashreplace")
            return (
                f"Line {line.number} of {path} mounts {source} on {target}, where the socket {socket} "
                "is to be mounted, and the two would get in each other's way: mount(8) takes the first "
                "line for a path, and systemd mounts by it at boot. Take that line out, or declare "
                "another path for the endpoint."
            )
    return None


def with_line(text: bytes, line: bytes) -> bytes:
    """Return the file with this line, in the place of any line of ours with the same target.

    A file whose last line has no end gets ours without one, too, so that it can be taken out
    without a trace.  Raises AccessError as ``parse`` does, and for a line that is none.
    """
    mine = parse(line)
    if len(mine) != 1 or not mine[0].ours or b"\n" in line:
        raise AccessError("Only a line with the collection's own mark is put into fstab.")
    numbers = _own_numbers(text, mine[0].target)
    if numbers:
        pieces = text.split(b"\n")
        pieces[numbers[0] - 1] = line
        return b"\n".join(_without(pieces, numbers[1:]))
    if text and not text.endswith(b"\n"):
        return text + b"\n" + line
    return text + line + b"\n"


def without_line(text: bytes, target: str) -> bytes:
    """Return the file without any line of ours that has this target."""
    return b"\n".join(_without(text.split(b"\n"), _own_numbers(text, _bytes(target))))


def _own_numbers(text: bytes, target: bytes) -> list[int]:
    wanted = _plain(target)
    return [line.number for line in parse(text) if line.ours and _plain(line.target) == wanted]


def _without(pieces: list[bytes], numbers: list[int]) -> list[bytes]:
    return [piece for number, piece in enumerate(pieces, start=1) if number not in numbers]


def _line(number: int, raw: bytes, fields: list[bytes]) -> Line:
    trouble = None
    if len(fields) < 3:
        trouble = "has fewer than three fields"
    elif b"\0" in raw:
        trouble = "has a NUL character in it"
    elif not all(map(_NUMBER.match, fields[4:6])):
        trouble = "has something else than a number as its fifth or sixth field"
    elif not _is_certain(fields[1]):
        trouble = "has a backslash in its target that is not written as \\134"
    if trouble is not None:
        raise AccessError(
            f"Line {number} of /etc/fstab does not parse, for it {trouble} (fstab(5)), so the file was "
            "left as it is; correct that line and run again."
        )
    options = tuple(fields[3].split(b",")) if len(fields) > 3 else ()
    return Line(number, raw, unescape(fields[0]), unescape(fields[1]), options)


def _is_certain(field: bytes) -> bool:
    rest = _ESCAPED.sub(lambda found: b"" if found[1] in _CERTAIN else b"\\", field)
    return b"\\" not in rest


def _plain(path: bytes) -> bytes:
    """Return a path in the one form that names are compared in."""
    parts = [part for part in path.split(b"/") if part not in (b"", b".")]
    return (b"/" if path.startswith(b"/") else b"") + b"/".join(parts)


def _bytes(path: str) -> bytes:
    return path.encode("utf-8", "surrogateescape")
