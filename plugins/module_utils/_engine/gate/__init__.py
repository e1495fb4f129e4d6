# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""The gate: a server that asks the kernel who is calling before it reads one byte.

It forwards a connection to another socket, or runs a fixed command for each request.  One process
with one epoll(7) loop serves all connections; nothing in it blocks.  Bulk alone is carried by
threads.  The files, from the bottom::

    rules, source     who may come in and what happens then; where that is read from
    peer, process     what the kernel says about a caller; what /proc adds for the log
    journal, log      records for the journal; which of them are summed up
    loop              descriptors, timers
    closing, receiving                            connections into which descriptors were passed
    door              accepts, identifies, admits or refuses, counts
    backend, relay, bulk, stream, messages, forward     to another socket
    queue, child, request, serve                  a command for each request
    server            all of it together, from systemd's descriptor to the end
"""

from __future__ import annotations

from .server import serve
from .source import RulesFile

__all__ = ["RulesFile", "serve"]
