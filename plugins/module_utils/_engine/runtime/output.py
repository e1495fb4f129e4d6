# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""What the command says: results on standard output, what went wrong on standard error."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from ..model.words import one_line

# SGR sequences (ECMA-48, console_codes(4)) by the tone of a line.
_COLOURS = {"good": "32", "bad": "31;1", "head": "1", "code": "36"}


class Output:
    """Whole sentences for people, or one JSON document."""

    def say(self, text: str, tone: str = "plain") -> None:
        """Print one result in one line; ``tone`` is its colour where a person looks at a terminal."""
        text = one_line(text)
        code = _COLOURS.get(tone)
        if code is not None and text and _in_colour():
            text = f"\033[{code}m{text}\033[0m"
        sys.stdout.write(f"{text}\n")

    def document(self, data: Any) -> None:
        """Print data as JSON."""
        sys.stdout.write(json.dumps(data, indent=1) + "\n")

    def problem(self, name: str, text: str) -> None:
        """Print what went wrong with one socket, a line each, so that the journal names it."""
        for line in text.splitlines():
            sys.stderr.write(f"{one_line(name)}: {one_line(line)}\n")


def _in_colour() -> bool:
    """Tell whether to use colours: a terminal that has them, and no wish to the contrary.

    Any value of NO_COLOR that is not empty is such a wish (no-color.org).
    """
    return (
        sys.stdout.isatty()
        and os.environ.get("TERM", "dumb") != "dumb"
        and not os.environ.get("NO_COLOR")
    )
