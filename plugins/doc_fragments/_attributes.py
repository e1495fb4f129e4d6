# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

from __future__ import annotations


class ModuleDocFragment:
    """The attributes that the documentation of every module states."""

    DOCUMENTATION = r"""
options: {}
requirements:
  - Python 3.9 or later where it runs
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying
      target.
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in
      C(check_mode)), when in diff mode.
  idempotent:
    description:
      - When run twice in a row outside check mode, with the same arguments, the second
        invocation indicates no change.
      - This assumes that the system controlled/queried by the module has not changed in a
        relevant way.
  platform:
    description: Target OS/families that can be operated against.
    platforms: posix
    support: full
  safe_file_operations:
    description: Uses safe file operations, so that nobody who may write to the paths can turn
      them against the host.
"""

    CONVERGING = r"""
options: {}
attributes:
  check_mode:
    support: full
    details:
      - A user or a group that does not exist yet is a warning in check mode, and the task
        reports that it would change, because an earlier task of the play may create it.
      - Nothing is proven in check mode, because nothing was changed that could be proven.
  diff_mode:
    support: full
  idempotent:
    support: full
  safe_file_operations:
    support: full
    details:
      - Every path is walked once, component by component, and held by descriptors from then on.
      - What a user other than root could have put in the place of the socket is refused.
"""

    ACTIONGROUP = r"""
options: {}
attributes:
  action_group:
    description: Use C(group/unixsocket.access.access) in C(module_defaults) to set defaults for
      this module.
    support: full
    membership:
      - unixsocket.access.access
"""
