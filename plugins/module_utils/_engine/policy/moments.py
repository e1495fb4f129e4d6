# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Moments in a declaration: ISO 8601 in, seconds since 1970 in UTC inside, and ISO 8601 out.

What a day or an hour is must not depend on the zone of a host, so a time needs its zone, and a date
is the first moment of that day in UTC.
"""

from __future__ import annotations

import re

from .nearest import kind, show
from .problems import Place

_MOMENT = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)"
    r"(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,]\d+)?)?(?P<zone> ?(?:[Zz]|[+-]\d\d(?::?\d\d)?))?)?"
)
_EXAMPLE = 'write a date and time with its zone, such as "2026-12-31T18:00:00+01:00", or a date'


def moment(value: object, place: Place) -> int:
    """Return a moment as whole seconds since 1970-01-01 in UTC."""
    # YAML makes a date of a date that is not in quotes.
    isoformat = getattr(value, "isoformat", None)
    text = isoformat() if callable(isoformat) else value
    if not isinstance(text, str):
        place.wrong(f"The value is {kind(value)}; {_EXAMPLE}.")
    found = _MOMENT.fullmatch(text.strip())
    if found is None:
        place.wrong(f"{show(text)} is not a moment that is understood here; {_EXAMPLE}.")
    if found[4] is not None and found["zone"] is None:
        place.wrong(
            f"{show(text)} says no zone, and a host may be in any; add Z for UTC or an offset such "
            "as +01:00."
        )
    from datetime import datetime, timedelta, timezone

    year, month, day, hour, minute, second = (int(found[n] or 0) for n in range(1, 7))
    zone = (found["zone"] or "Z").strip().replace(":", "")
    try:
        offset = timedelta()
        if zone not in "Zz":
            hours, minutes = int(zone[1:3]), int(zone[3:] or 0)
            if hours > 23 or minutes > 59:
                raise ValueError("the zone is no offset")
            offset = timedelta(hours=hours, minutes=minutes) * (-1 if zone[0] == "-" else 1)
        when = datetime(year, month, day, hour, minute, second, tzinfo=timezone(offset))
        # In UTC it must be in one of the years that can be written, too.
        when = when.astimezone(timezone.utc)
        return int((when - datetime(1970, 1, 1, tzinfo=timezone.utc)).total_seconds() // 1)
    except (ValueError, OverflowError) as error:
        place.wrong(f"There is no such moment as {show(text)} ({error}); {_EXAMPLE}.")


def written(seconds: int) -> str:
    """Return a moment as ISO 8601 in UTC, such as 2026-12-31T17:00:00Z."""
    from datetime import datetime, timedelta, timezone

    when = datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=seconds)
    return f"{when:%Y-%m-%dT%H:%M:%S}Z".rjust(20, "0")
