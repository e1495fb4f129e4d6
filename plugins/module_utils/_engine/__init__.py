# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""The engine: who may connect to which Unix socket, made so and proven.

Python's standard library only, because a managed host has nothing else.  The rooms, each of which
imports only those named before it::

    errors, faults     what is refused, and what the kernel refuses, in whole sentences
    model              plain values: access control lists, accounts, what was seen of a path
    policy             declaration -> Policy, all mistakes at once
    reach              the kernel's permission rules over those values
    methods, planner   grants -> requests on inodes and memberships, with reasons
    shortcut, once     where the engine is on a host, and how it is loaded
    host               small leaves that read and write the host
    resources          one thing on the host each: read, compare, apply, undo
    converge           the transaction over resources, and the record of what was there before
    gate               the server that asks who is calling
    census, prove      what listens, and who can reach it; the real connect()
    diagnose           why somebody cannot connect, and what would help
    task, endpoints    a declared socket, and its parts
    keep               the files and units that keep it as declared
    run                with the other files beside it: the way of the data, from end to end
    runtime            the command on the host
"""

from __future__ import annotations

import sys

from . import shortcut

# ansible-core up to 2.19 also reaches hosts with 3.8, and only there it is found out.
if sys.version_info < (3, 9):  # noqa: UP036
    raise ImportError(
        "unixsocket.access needs Python 3.9 or later on the host, and {} is {}.{}. Name another one "
        "in ansible_python_interpreter.".format(sys.executable, *sys.version_info[:2])
    )

_archive = getattr(sys.modules[__name__].__loader__, "archive", None)
if _archive is not None and __name__ != shortcut.PACKAGE:
    # A module brought it along.
    _kept = shortcut.kept(__name__, _archive)
    if _kept is not None:
        __path__ = [_kept]
    else:
        from . import once

        once.install(__name__, _archive, shortcut.SHOWN)
