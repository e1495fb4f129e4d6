# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""What is not there yet, and lets check mode pass all the same."""

from __future__ import annotations

_MARK = "; check mode assumes that an earlier task will "


def foreseen(sentence: str, how: str) -> str:
    """Return what check mode says of a thing that is not there: ``how`` it may come to be."""
    return f"{sentence}{_MARK}{how} it."


def as_it_stands(said: str) -> str:
    """Return the same for somebody who asks how the host is, and has no tasks before that."""
    sentence, mark, how = said.partition(_MARK)
    if not mark:
        return said
    still, yet, dummy = sentence.rpartition(" yet")
    what = f"{still} any more" if yet else sentence
    return f"{what}; {how.rstrip('.')} again, or correct the declaration and run the playbook."
