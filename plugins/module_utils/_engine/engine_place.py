# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Whether the place on this host where the engine goes is one that root alone can change."""

from __future__ import annotations

from .host.accounts import Accounts
from .host.installed import Place, interpreter
from .host.pinned import walked
from .model.account import ROOT
from .model.chain import Chain
from .model.words import Names
from .reach.programs import replaced_by_groups, replaced_by_others

_OR = " Or let Ansible use another interpreter there (ansible_python_interpreter), such as /usr/bin/python3."


def judged(place: Place, accounts: Accounts, names: Names) -> tuple[list[str], list[str]]:
    """Return why the engine must not be installed there, and what is doubtful about the place.

    All that is on the way counts, links and what is there already included, and so does the way to the
    interpreter that runs it.
    """
    refused: dict[str, None] = {}
    doubtful: dict[str, None] = {}
    python, *others = interpreter()
    engine = (place.archive, place.command)
    for program, paths, way_out in ((place.command, engine, ""), (python, (python, *others), _OR)):
        for chain in map(walked, paths):
            members = _members(chain, accounts)
            told = replaced_by_others(chain, program, names)
            refused.update(dict.fromkeys(f"{one}{way_out}" for one in told))
            told = replaced_by_groups(chain, program, members, names)
            doubtful.update(dict.fromkeys(f"{one}{way_out}" for one in told))
    return list(refused), list(doubtful)


def _members(chain: Chain, accounts: Accounts) -> dict[int, list[str]]:
    """Return who besides root is in each group that may do something on the way.

    A group of root's own has no others, and one that nobody is in has nobody, be it without a name.
    """
    members = {}
    gids = {gid for one in chain.components for gid, dummy in one.access.acl.groups}
    for gid in (gids | {one.access.gid for one in chain.components}) - {ROOT}:
        group = accounts.group(str(gid))
        users = [] if group is None else [accounts.user(name) for name in group.members]
        members[gid] = [user.name for user in users if user is not None and user.uid != ROOT]
    return members
