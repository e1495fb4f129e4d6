# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""The document as text, and files that are replaced in one step."""

from __future__ import annotations

import json
import os
import tempfile
import typing as t
from collections.abc import Iterable, Iterator, Mapping

from .problem import ReportError


def shown(text: str, kept: str = "\n\t") -> str:
    """Return a text in which control characters can be seen, but for those that are ``kept``.

    Among them are bidirectional marks, which could make a reader show a name in another order, and
    all that XML 1.0 cannot hold, not even escaped (its production 2, Char).
    """
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() or one in kept else repr(one)[1:-1] for one in text)


def as_json(document: Mapping[str, t.Any]) -> Iterator[str]:
    """Yield the document with a line for each socket and each finding, as diff tools like it.

    It is ASCII: names of files are bytes, and what is no UTF-8 in them has no other form that
    every reader of JSON takes.
    """
    yield "{\n"
    keys = list(document)
    for key in keys:
        comma = "" if key == keys[-1] else ","
        if key == "hosts":
            yield '"hosts": [\n'
            last = len(document[key]) - 1
            for index, host in enumerate(document[key]):
                yield from _host(host)
                yield "" if index == last else ",\n"
            yield f"\n]{comma}\n"
        else:
            yield f"{_text(key)}: {_text(document[key])}{comma}\n"
    yield "}\n"


def _host(host: Mapping[str, t.Any]) -> Iterator[str]:
    yield "  {"
    for index, (key, value) in enumerate(host.items()):
        yield f"{',' if index else ''}\n    {_text(key)}: "
        if isinstance(value, list) and value:
            yield "[\n" + ",\n".join(f"      {_text(one)}" for one in value) + "\n    ]"
        else:
            yield _text(value)
    yield "\n  }"


def _text(value: t.Any) -> str:
    return json.dumps(value, ensure_ascii=True)


def replaced(path: str, content: Iterable[str], mode: int) -> None:
    """Put a file in the place of another one, whole or not at all."""
    directory, name = os.path.split(path)
    temporary = None
    try:
        os.makedirs(directory, exist_ok=True)
        number, temporary = tempfile.mkstemp(prefix=f".{name}.", dir=directory)
        # Names that are no UTF-8 come as lone surrogates, which no encoding of a page has.
        with open(number, "w", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
            os.fchmod(file.fileno(), mode)
            for part in content:
                file.write(part)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        temporary = None
    except OSError as error:
        raise ReportError(f"{path} cannot be written: {error.strerror or error}.") from None
    finally:
        if temporary is not None:
            os.unlink(temporary)
