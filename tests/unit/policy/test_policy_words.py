# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The words of messages."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine import policy
from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy.nearest import (
    kind,
    label,
    listing,
    nearest,
    show,
)


@pytest.mark.parametrize(
    ("word", "near"),
    [("alow", "allow"), ("ALLOW", "allow"), ("re-fuse", "refuse"), ("zzz", None), ("", None)],
)
def test_nearest(word: str, near: str | None) -> None:
    """The likest word, or none."""
    assert nearest(word, ["allow", "refuse", "path"]) == near


def test_nearest_takes_any_length() -> None:
    """A very long word costs no time."""
    assert nearest("x" * 10_000_000, ["allow"]) is None


def test_listing() -> None:
    """A list as a phrase."""
    assert listing(["a"]) == "a"
    assert listing(["a", "b"]) == "a and b"
    assert listing(["a", "b", "c"], "or") == "a, b or c"


def test_kind_of_a_strange_value() -> None:
    """YAML also has dates."""
    assert kind(Path()) == f"a value of the type {type(Path()).__name__}"
    assert kind({}) == "a dictionary"
    assert kind(float("nan")) == "the number nan"


def test_show_is_short_and_never_fails() -> None:
    """Long and huge values are cut."""
    assert len(show("x" * 10_000)) <= 120
    assert len(show([["x" * 500] * 50] * 50)) == 200
    assert show(10**6000)
    assert show("\ud800\n") == "'\\ud800\\n'"


def test_label_quotes_what_could_be_mistaken() -> None:
    """A key with blanks or control characters is quoted."""
    assert label("allow[0].user") == "allow[0].user"
    assert label("a b") == "'a b'"
    assert label("a\n") == "'a\\n'"
    assert label("") == "''"


def test_errors_only_imports_stay_out() -> None:
    """A run without mistakes does not pay for the modules that only messages need."""
    root = str(Path(policy.__file__ or "").parent.parent.parent)
    code = (
        f"import sys; sys.path.insert(0, {root!r}); from _engine import policy; "
        "policy.validate({'a': {'path': '/run/a', 'mode': '0660', 'allow': [{'user': 'b'}]}}); "
        "print([name for name in ('difflib', 'logging', 'argparse') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
