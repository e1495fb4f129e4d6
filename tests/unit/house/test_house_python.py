# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which Python a host must have, and what a host with an older one is told."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ENGINE = Path(__file__).parents[3] / "plugins" / "module_utils" / "_engine"
NAME = "ansible_collections.unixsocket.access.plugins.module_utils._engine"


def test_an_old_python_is_told_which_one_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 8, 18, "final", 0))
    monkeypatch.setattr(sys, "executable", "/usr/bin/python3")
    code = compile((ENGINE / "__init__.py").read_bytes(), "__init__.py", "exec")
    names = {"__name__": NAME, "__package__": NAME, "__path__": [str(ENGINE)]}
    with pytest.raises(ImportError, match=r"needs Python 3\.9.*/usr/bin/python3 is 3\.8\."):
        exec(code, names)
