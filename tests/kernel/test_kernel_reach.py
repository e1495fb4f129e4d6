# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The engine's judgement against the kernel's: random trees, and a real connect() for each."""

from __future__ import annotations

import errno
import json
import os
import random
import shutil
import socket
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.pinned import pin
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.account import (
    Credentials,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.chain import Chain
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.words import Numbers
from ansible_collections.unixsocket.access.plugins.module_utils._engine.prove import (
    Attempt,
    Outcome,
    prove,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.reach import judge
from ansible_collections.unixsocket.access.plugins.module_utils._engine.reach.explain import line
from ansible_collections.unixsocket.access.plugins.module_utils._engine.reach.walk import (
    Verdict,
    findings,
)
from kernel.hosts import become
from kernel.trees import Tree, grow, identities, put

# Of all trees, each file system and each setting of protected_symlinks gets a quarter.
TREES = int(os.environ.get("REACH_TREES") or 5000) // 4
BATCH = 250
EACH = 4


def _chain(path: str) -> Chain:
    held = pin(path)
    try:
        return held.chain
    finally:
        held.close()


def _disagreement(tree: Tree, verdict: Verdict, outcome: Outcome) -> str:
    if verdict.allowed:
        wanted = None if tree.listener else "ECONNREFUSED"
        same = outcome.errno == wanted
    else:
        wanted = verdict.errno
        same = outcome.errno == wanted and not outcome.connected
    return "" if same and outcome.answered else f"judged {verdict.rule} {wanted}: {outcome.text}"


def _compare(
    trees: Sequence[Tree], asked: Sequence[tuple[Tree, Credentials]], rules: Counter[str]
) -> list[tuple[Tree, Credentials, Verdict]]:
    """Judge and connect; fail with the whole walk in words where the two differ."""
    chains = {tree.path: _chain(tree.path) for tree in trees}
    outcomes = prove([Attempt(tree.path, who) for tree, who in asked], seconds=5)
    result = []
    for (tree, who), outcome in zip(asked, outcomes):
        chain = chains[tree.path]
        verdict = judge(chain, who)
        rules[f"{verdict.rule} {'yes' if verdict.allowed else 'no'}"] += 1
        wrong = _disagreement(tree, verdict, outcome)
        walk = [line(one, chain, who, Numbers()) for one in findings(chain, who)]
        assert not wrong, "\n".join([tree.path, str(who), wrong, *walk])
        result.append((tree, who, verdict))
    return result


def _helped(judged: Sequence[tuple[Tree, Credentials, Verdict]], rng: random.Random) -> int:
    """Carry out, for one refused identity of each tree, all that was advised; it must connect."""
    chosen: dict[str, tuple[Tree, Credentials]] = {}
    for tree, who, verdict in rng.sample(judged, len(judged)):
        advised = [remedy.access is not None for remedy in verdict.remedies]
        if tree.listener is None or tree.path in chosen or not advised or not all(advised):
            continue
        for remedy in verdict.remedies:
            assert remedy.access is not None
            put(remedy.path, remedy.access.acl, os.stat(remedy.path).st_mode & 0o7000)
        chosen[tree.path] = (tree, who)
    outcomes = prove([Attempt(tree.path, who) for tree, who in chosen.values()], seconds=5)
    for outcome in outcomes:
        assert outcome.connected, outcome.text
    return len(outcomes)


def _joined(judged: Sequence[tuple[Tree, Credentials, Verdict]]) -> int:
    """Connect as a member of the group that was advised; it must succeed."""
    attempts = []
    for tree, who, verdict in judged:
        groups = {remedy.group for remedy in verdict.remedies}
        if tree.listener is not None and len(groups) == 1 and None not in groups:
            joined = Credentials(who.uid, who.gid, who.groups | {g for g in groups if g})
            attempts.append(Attempt(tree.path, joined))
    for outcome in prove(attempts, seconds=5):
        assert outcome.connected, outcome.text
    return len(attempts)


def test_random_trees(place: Path, protected_symlinks: str, rng: random.Random) -> None:
    pool = identities(rng, 24)
    rules: Counter[str] = Counter()
    helped = joined = 0
    started = time.monotonic()
    for first in range(0, TREES, BATCH):
        names = [f"t{number}" for number in range(first, min(first + BATCH, TREES))]
        trees = [grow(place, name, rng) for name in names]
        asked = [(tree, who) for tree in trees for who in rng.sample(pool, EACH)]
        judged = _compare(trees, asked, rules)
        joined += _joined(judged)
        helped += _helped(judged, rng)
        for tree in trees:
            if tree.listener is not None:
                tree.listener.close()
        for name in names:
            shutil.rmtree(place / name)
    print(
        f"{TREES} trees, {sum(rules.values())} connects as judged, {helped} changes and {joined} "
        f"memberships helped as advised, {time.monotonic() - started:.1f} s, {dict(rules)}"
    )


def _connect_for_good(who: Credentials, paths: Sequence[str]) -> list[int]:
    """Connect as a process that has given root up for ever; return the errors, 0 for none."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            become(who.uid, who.gid, who.groups)
            errors = []
            for path in paths:
                with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                    errors.append(connection.connect_ex(path))
            os.write(writing, json.dumps(errors).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as report:
        errors = json.load(report)
    os.waitpid(pid, 0)
    return list(errors)


def test_a_proof_is_what_a_process_without_a_way_back_gets(place: Path, rng: random.Random) -> None:
    trees = [grow(place, f"t{number}", rng) for number in range(100)]
    paths = [tree.path for tree in trees]
    for who in identities(rng, 8):
        outcomes = prove([Attempt(path, who, "stream") for path in paths], seconds=5)
        proven = [0 if one.connected else getattr(errno, one.errno or "") for one in outcomes]
        assert proven == _connect_for_good(who, paths)
    for tree in trees:
        if tree.listener is not None:
            tree.listener.close()
