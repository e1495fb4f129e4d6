# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Why a user cannot connect to a socket: every cause on the way, and the smallest change for each.

Besides permissions, which ``reach`` judges, these are who listens, what is mounted, and what the
running processes of the user are like.  Nothing is changed, and nobody connects.
"""

from __future__ import annotations

from .apart import listening_apart
from .confined import confinements, modules
from .declaration import Proposal, proposal, refusal
from .declared import Relation, by_declaration, declared_whole, relation
from .describe import changes_described, described
from .explanation import Explanation
from .joining import not_to_join
from .mounted import doubled, mount_causes
from .running import running
from .served import Sockets
from .starting import command_for, made_by, other_name, start_of
from .values import Answer, Cause, Change, in_order
from .walked import on_the_way, socket_causes
from .words import in_words, why

__all__ = (
    "Answer",
    "Cause",
    "Change",
    "Explanation",
    "Proposal",
    "Relation",
    "Sockets",
    "by_declaration",
    "changes_described",
    "command_for",
    "confinements",
    "declared_whole",
    "described",
    "doubled",
    "in_order",
    "in_words",
    "listening_apart",
    "made_by",
    "modules",
    "mount_causes",
    "not_to_join",
    "on_the_way",
    "other_name",
    "proposal",
    "refusal",
    "relation",
    "running",
    "socket_causes",
    "start_of",
    "why",
)
