# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""What is refused on the controller, in whole sentences."""

from __future__ import annotations


class ReportError(Exception):
    """Something that was asked for cannot be done; the text says what and the way out."""
