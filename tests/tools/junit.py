# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prints how many tests of JUnit reports passed, failed and were skipped: ``junit.py FILE...``."""

from __future__ import annotations

import sys
from xml.etree import ElementTree


def tally(files: list[str]) -> tuple[int, int, int]:
    """Passed, failed (errors included) and skipped test cases."""
    passed = failed = skipped = 0
    for name in files:
        for case in ElementTree.parse(name).iter("testcase"):
            if case.find("failure") is not None or case.find("error") is not None:
                failed += 1
            elif case.find("skipped") is not None:
                skipped += 1
            else:
                passed += 1
    return passed, failed, skipped


if __name__ == "__main__":
    print(*tally(sys.argv[1:]))
