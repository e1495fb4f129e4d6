# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""In which states a socket is born because of its hooks, which must not count as the daemon's own.

Sources: systemd.socket(5), systemd.service(5).
"""

from __future__ import annotations

from ..model.access import CONNECT, Access, AccessRequest
from ..model.acl import Acl
from ..model.chain import Chain
from ..task import Task
from .parts import Creator


def born_mode(request: AccessRequest, planned: Access | None) -> int | None:
    """Return the mode of a new socket that lets nobody in who is not to be let in.

    Before there is an ACL the group bits are the owning group's own.  None where the owning group
    keeps what it has, and nobody can tell yet what that is.
    """
    if planned is not None:
        return planned.acl._replace(mask=None).mode
    if request.group_obj is None and not request.exclusive:
        return None
    user = CONNECT if request.user_obj is None else request.user_obj
    return user << 6 | (request.group_obj or 0) << 3 | (request.other or 0)


def births(
    creator: Creator | None,
    request: AccessRequest,
    planned: Access | None,
    task: Task,
    chain: Chain,
) -> tuple[Access, ...]:
    """Return every access in which these hooks let the socket be born, at the end of ``chain``."""
    mode = born_mode(request, planned)
    if creator is None or planned is None or mode is None:
        return ()
    acl = Acl.from_mode(mode)
    born: tuple[Access, ...] = ()
    if creator.sockets == 1 if creator.makes_sockets_itself else task.declared.born:
        born = (Access(planned.uid, planned.gid, acl),)
    if born and creator.makes_sockets_itself:
        # systemd binds it as root and gives it away a moment later, by a process of its own
        # (systemd: socket_enter_start_chown()); a user's own manager gives nothing away.
        first = Access(creator.uid, chain.group_of_new(creator.gid), acl)
        born = tuple(dict.fromkeys((*born, first)))
    # The hook of a user's own manager may not write down what it found.
    return born if creator.user is None else (*born, planned)
