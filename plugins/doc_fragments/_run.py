# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

from __future__ import annotations


class ModuleDocFragment:
    """Options and results of the modules that converge."""

    DOCUMENTATION = r"""
options:
  prove:
    description:
      - Whether to end with a real C(connect) as every principal that is granted or refused, and
        as somebody who is not declared. If one of them does not get what was declared,
        everything is put back and the task fails.
      - A connection is closed at once. It starts a socket-activated service, and some daemons
        log it.
      - A socket on which nobody listens can prove a refusal, but not a grant. That is no
        failure.
    type: bool
    default: true
  timeout:
    description: How long one C(connect) may take, in seconds. A daemon whose queue is full
      makes it wait.
    type: float
    default: 5.0
"""

    SOCKET = r"""
options:
  path:
    description:
      - The absolute path of the socket, at most 107 bytes.
      - A socket that does not exist yet is no error, the result says so in RV(socket.exists).
    type: path
    required: true
  type:
    description: The type of the socket. By default it is found out from what listens there.
    type: str
    choices: [stream, seqpacket, dgram]
  owner:
    description: The user who shall own the socket, by name or id. By default the owner stays as
      it is.
    type: str
  group:
    description: The group that the socket shall have, by name or id.
    type: str
  trust_directories:
    description:
      - Directories on the way to the socket whose other writers are trusted.
      - A path on which somebody other than root and the socket's owner could replace the socket
        is refused. This accepts it for the directories that are named. Everyone who may write to
        them can then have another socket of his own in its place.
    type: list
    elements: path
    default: []
  unit:
    description:
      - The unit that makes the socket, a C(.service) or a C(.socket), by its full name. It must
        exist.
      - A C(.socket) unit lets the socket be born with this owner, group and mode. A C(.service)
        is started only when the access is in effect, so units that are ordered after it never
        see a socket that is not prepared.
      - Where it is not given, it is found from the process that listens. Where nobody listens,
        the socket is watched all the same.
    type: str
  unit_user:
    description:
      - The user in whose own manager O(unit) is. Its drop-in is written to that user's
        configuration with that user's rights.
    type: str
  born:
    description:
      - Whether a C(.service) gets C(Group=), C(SupplementaryGroups=) and C(UMask=), so that its
        socket is born with this group and mode. All other files that it makes get them, too.
      - A unit with C(StateDirectory=), C(CacheDirectory=) or C(LogsDirectory=), or with a
        C(RuntimeDirectory=) in which its group may do more than others, is refused, because systemd
        would give that directory to the group, too.
    type: bool
    default: false
  strict:
    description:
      - Whether O(unit) fails to start when the access cannot be put into effect. Otherwise that
        is logged, and the daemon goes on.
    type: bool
    default: false
  deadline:
    description:
      - How long the start of a C(.service) waits until its daemon listens, in seconds, 10 where
        nothing is given. It must be shorter than the C(TimeoutStartSec=) of the unit.
    type: float
  state:
    description:
      - V(present) puts the access into effect.
      - V(absent) gives back what was there before the module was first run for this socket.
        What someone else changed since is left as it is, and named in a warning.
    type: str
    choices: [present, absent]
    default: present
"""
