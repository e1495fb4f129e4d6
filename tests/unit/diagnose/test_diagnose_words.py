# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an explanation mentions, and what it leaves out."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.diagnose import (
    confinements,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.diagnose.explanation import (
    Explanation,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.diagnose.values import (
    Answer,
    Cause,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.diagnose.words import why
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.processes import (
    Process,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.account import (
    Credentials,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy.types import (
    Principal,
)
from unit.reach.chains import People, chain, inode

CHAIN = chain("/run/s", inode("/run", 0o755), inode("/run/s", 0o666, kind="socket"))
STALE = Cause("stale-group", "EACCES", "/run/s", "It lacks the group.")


@pytest.mark.parametrize(
    ("new", "running", "mentioned"),
    [((), (), True), ((), (STALE,), False), ((STALE,), (), False)],
    ids=["nothing found", "a running process", "a new process"],
)
def test_a_filter_is_mentioned_only_where_nothing_else_was_found(
    tmp_path: Path, new: tuple[Cause, ...], running: tuple[Cause, ...], mentioned: bool
) -> None:
    """Most services have one, and it is rarely what refuses."""
    one = Process(7, "web", 1000, frozenset(), 0.0, "web.service", None, 0, True)
    said = why(
        Explanation(
            "/run/s",
            Principal("user", "web"),
            Credentials(1000, 1000),
            None,
            CHAIN,
            Answer(new),
            (Answer(running, (one,)),),
            "",
            (),
            confinement=tuple(confinements([one], proc=str(tmp_path), sys=str(tmp_path))),
        ),
        People(),
    )
    assert any("seccomp filter" in line for line in said) == mentioned
