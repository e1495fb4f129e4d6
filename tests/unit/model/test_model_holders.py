# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a declaration is called in the records of hosts, which must never be called otherwise."""

from __future__ import annotations

import re
from pathlib import Path

from ansible_collections.unixsocket.access.plugins.module_utils import _engine
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.holders import (
    declared_name,
    holder_of,
)

PLUGINS = Path(str(_engine.__file__)).parents[2]


def test_a_holder_and_its_name() -> None:
    assert holder_of("app") == "socket app"
    assert declared_name("socket app") == "app"
    assert declared_name("socket app at /srv/s") == "app at /srv/s"
    for module in ("socket_acl /run/s", "socket_mode /run/s", "socket", ""):
        assert declared_name(module) is None


def test_it_is_written_in_one_place() -> None:
    """As a text of its own, or before a name or a field."""
    literal = re.compile(r"""f?["']socket (?:["']|\{[\w.]*name\})""")
    found = [
        str(path.relative_to(PLUGINS))
        for path in PLUGINS.rglob("*.py")
        if literal.search(path.read_text(encoding="utf-8"))
    ]
    assert found == ["module_utils/_engine/model/holders.py"]
