# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module of the bench that does nothing has the options of socket_policy, or it is no floor."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.unixsocket.access.plugins.modules import socket_policy
from bench import plays
from bench.library import bench_floor


def options(module: Any, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return with what a module makes its AnsibleModule; it goes no further."""
    taken: dict[str, Any] = {}

    def made(**keywords: Any) -> None:
        taken.update(keywords)
        raise SystemExit(0)

    monkeypatch.setattr(module, "AnsibleModule", made)
    with pytest.raises(SystemExit):
        module.main()
    return taken


def test_the_floor_has_the_options_of_socket_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = options(bench_floor, monkeypatch)
    # One of its own, which says how much it shall do.
    assert taken["argument_spec"].pop("reload") == {"type": "bool", "default": False}
    assert taken == options(socket_policy, monkeypatch)


def test_the_bench_puts_the_answer_where_the_floor_finds_it() -> None:
    assert bench_floor.ANSWER == plays.ANSWER == plays.PUT["ansible.builtin.copy"]["dest"]
