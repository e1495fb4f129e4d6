# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Files of an earlier report in formats that are not asked for any more.

Beside a new report they would be taken for a part of it.  Only what says in its first lines that it
comes from here is removed.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping

from .problem import ReportError

_BEGINNING = 4096
_MARKS = {
    "html": re.compile(
        rb'<!DOCTYPE html>\s.*<meta name="generator" content="unixsocket\.access">', re.S
    ),
    "sarif": re.compile(
        rb'\{\s*"\$schema": "[^"]*sarif[^"]*",.*"driver": \{\s*"name": "unixsocket\.access",', re.S
    ),
    "junit": re.compile(rb'<\?xml [^>]*>\s*<testsuites name="unixsocket\.access" '),
}


def removed(files: Mapping[str, str]) -> list[str]:
    """Remove those of the files, by format, that an earlier report left; return their paths."""
    gone = [path for name, path in files.items() if _is_ours(path, _MARKS[name])]
    for path in gone:
        try:
            os.unlink(path)
        except OSError as error:
            raise ReportError(
                f"{path}, of an earlier report, cannot be removed: {error.strerror or error}."
            ) from None
    return gone


def _is_ours(path: str, mark: re.Pattern[bytes]) -> bool:
    try:
        # A pipe would keep the play waiting, and where a link leads is not here.
        number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    with open(number, "rb") as file:
        return stat.S_ISREG(os.fstat(number).st_mode) and bool(mark.match(file.read(_BEGINNING)))
