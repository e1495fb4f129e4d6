# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""The declaration becomes a policy; every error names the variable, the socket and the key."""

from __future__ import annotations

from .describe import describe
from .problems import MAIN_VARIABLE, Origins, PolicyError, Problem
from .types import Endpoint, Grant, Policy, Principal, Serve, SocketPolicy
from .validate import principals, validate

__all__ = [
    "MAIN_VARIABLE",
    "Endpoint",
    "Grant",
    "Origins",
    "Policy",
    "PolicyError",
    "Principal",
    "Problem",
    "Serve",
    "SocketPolicy",
    "describe",
    "principals",
    "validate",
]
