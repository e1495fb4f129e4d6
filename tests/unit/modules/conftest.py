# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Leaves these tests out where there is no Ansible, as on the Pythons that only hosts have.

A module cannot be called without Ansible's own code; ansible-test imports each on every Python.
"""

from __future__ import annotations

import importlib.util

if importlib.util.find_spec("ansible") is None:
    collect_ignore_glob = ["test_*.py"]
