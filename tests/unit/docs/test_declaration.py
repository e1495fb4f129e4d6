# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The reference of the declaration describes every key that there is, and no other."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

pytest.importorskip(
    "yaml",
    reason="the engine's tests also run on Pythons that have nothing beside pytest",
)

import yaml

from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy.endpoint_keys import (
    ENDPOINT_KEYS,
    WITH_ENDPOINT,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy.keys import (
    GRANT_KEYS,
    METHODS,
    SOCKET_KEYS,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy.serve import (
    SERVE_KEYS,
)
from unit.docs.pages import FENCE, ROOT

TEXT = (ROOT / "docs" / "declaration.md").read_text(encoding="utf-8")


def _chapter(title: str) -> str:
    found = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", TEXT, flags=re.M | re.S)
    assert found is not None
    return found[1]


def _sections(*chapters: str) -> dict[str, str]:
    """Return what stands below the headings, by key; one heading may be of several keys."""
    return {
        key: body
        for title in chapters
        for heading, body in re.findall(
            r"^### ([^\n]+)\n(.*?)(?=^### |\Z)", _chapter(title), flags=re.M | re.S
        )
        for key in re.split(r", | and ", heading)
    }


def _cells(text: str) -> Iterator[list[str]]:
    for line in text.splitlines():
        if line.startswith("| "):
            yield [cell.strip() for cell in line.strip("|").split("|")]


SOCKET = _sections("A socket")
GRANT = _sections("A grant", "A grant at another path")


def test_every_key_of_a_socket_has_its_heading_and_no_other_is_there() -> None:
    assert SOCKET.keys() == SOCKET_KEYS.keys()


def test_every_key_of_a_grant_has_its_heading_and_no_other_is_there() -> None:
    assert GRANT.keys() == GRANT_KEYS.keys()


@pytest.mark.parametrize(("key", "body"), [*SOCKET.items(), *GRANT.items()])
def test_every_key_has_words_and_an_example(key: str, body: str) -> None:
    assert len(FENCE.sub("", body).split()) > 5
    examples = [found["text"] for found in FENCE.finditer(body) if found["language"] == "yaml"]
    assert any(key in _keys(yaml.safe_load(example)) for example in examples)


def _keys(value: object) -> set[str]:
    """Return all keys of a document, at any depth."""
    if isinstance(value, dict):
        return {str(key) for key in value}.union(*map(_keys, value.values()))
    return set().union(*map(_keys, value)) if isinstance(value, list) else set()


def test_every_key_of_serve_is_in_its_table() -> None:
    rows = [cells[0].strip("`") for cells in _cells(SOCKET["serve"])]
    assert set(rows) - {"key of `serve"} == SERVE_KEYS.keys()


def test_the_table_of_endpoints_says_which_method_has_a_use_for_which_key() -> None:
    head, *rows = _cells(_chapter("A grant at another path"))
    methods = [cell.strip("`") for cell in head[1:]]
    assert set(methods) == set(WITH_ENDPOINT)
    said = {
        key: {method for method, cell in zip(methods, cells[1:]) if cell}
        for cells in rows
        for key in re.findall(r"`(\w+)`", cells[0])
    }
    assert said == {key: set(uses) for key, uses in ENDPOINT_KEYS.items()}


def test_every_method_is_in_the_table_of_methods() -> None:
    assert {cells[0].strip("`") for cells in _cells(GRANT["method"])} >= METHODS.keys()
