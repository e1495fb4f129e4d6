# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

from __future__ import annotations


class ModuleDocFragment:
    """Options of the modules that let clients connect at another path than the socket's own."""

    DOCUMENTATION = r"""
options:
  source:
    description:
      - The absolute path of the socket on which the daemon listens, at most 107 bytes.
      - A socket that does not exist yet is no error, the result says so in RV(socket.exists).
    type: path
    required: true
  trust_directories:
    description:
      - Directories on the way to O(source) whose other writers are trusted.
      - A path on which somebody other than root and the socket's owner could replace the socket
        is refused. This accepts it for the directories that are named. Everyone who may write to
        them can then have another socket of his own in its place.
    type: list
    elements: path
    default: []
  client_unit:
    description:
      - The C(.service) unit of the system that runs the client, and that shall find the socket
        at O(path). It must exist. It gets O(client_environment) by a drop-in, which works when
        it is started next.
    type: str
  client_environment:
    description: The environment variables that O(client_unit) gets, such as
      C(PIPEWIRE_RUNTIME_DIR), with their values.
    type: dict
  state:
    description:
      - V(present) puts the access into effect.
      - V(absent) takes away all that was made for O(path), and gives back what was there
        before. What someone else changed since is left as it is, and named in a warning.
    type: str
    choices: [present, absent]
    default: present
"""
