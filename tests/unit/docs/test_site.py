# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The navigation of the built documentation has every page once; each guide says how it fails."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytest.importorskip(
    "yaml",
    reason="the engine's tests also run on Pythons that have nothing beside pytest",
)

import yaml

from unit.docs.pages import ROOT

DOCS = ROOT / "docs"
GUIDES = sorted(DOCS.glob("*.md"))
METHODS = ("group", "acl", "bind_mount", "proxy", "gate")


def test_the_navigation_has_every_page_once() -> None:
    navigation = yaml.safe_load((DOCS / "docsite" / "extra-docs.yml").read_text(encoding="utf-8"))
    listed = [name for section in navigation["sections"] for name in section["toctree"]]
    assert sorted(listed) == [page.stem for page in GUIDES]


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.stem)
def test_a_page_starts_with_its_only_title(page: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    assert text.startswith("# ")
    assert len(re.findall(r"^# ", text, flags=re.M)) == 1


def test_every_page_has_its_place_in_the_docsite() -> None:
    places = DOCS / "docsite" / "rst"
    assert {place.stem for place in places.iterdir()} == {page.stem for page in GUIDES}
    for page in GUIDES:
        title = page.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")
        text = (places / f"{page.stem}.rst").read_text(encoding="utf-8")
        assert f"\n{title}\n{'=' * len(title)}\n" in text
        assert f".docsite.{page.stem}:\n" in text
        assert f"/docs/{page.name}>`__" in text


@pytest.mark.parametrize("method", METHODS)
def test_a_guide_of_a_method_has_its_limits_and_how_it_fails(method: str) -> None:
    headings = re.findall(r"^## (.+)$", (DOCS / f"{method}.md").read_text(), flags=re.M)
    assert any("Limits" in heading for heading in headings)
    assert any("how it fails" in heading.lower() for heading in headings)


def test_every_picture_is_used() -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in GUIDES)
    for picture in (DOCS / "images").iterdir():
        assert f"(images/{picture.name})" in text
