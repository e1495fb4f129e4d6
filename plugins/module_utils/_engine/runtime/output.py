# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""What the command says: results on standard output, what went wrong on standard error."""

from __future__ import annotations

import json
import sys
from typing import Any


class Output:
    """Whole sentences for people, or one JSON document."""

    def say(self, text: str) -> None:
        """Print one result."""
        sys.stdout.write(f"{text}\n")

    def document(self, data: Any) -> None:
        """Print data as JSON."""
        sys.stdout.write(json.dumps(data, indent=1) + "\n")

    def problem(self, name: str, text: str) -> None:
        """Print what went wrong with one socket, a line each, so that the journal names it."""
        for line in text.splitlines():
            sys.stderr.write(f"{name}: {line}\n")
