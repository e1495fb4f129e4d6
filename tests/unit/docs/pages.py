# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pages of the documentation, and the fenced blocks on them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[3]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("roles/*/README.md")])
FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^ *```$", re.M | re.S)
REFUSED = "<!-- refused -->"


@dataclass(frozen=True)
class Block:
    """One fenced block, with what stands right before it."""

    page: Path
    line: int
    language: str
    text: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def value(self) -> Any:
        return yaml.safe_load(self.text)

    @property
    def refused(self) -> bool:
        return self.before.rstrip().endswith(REFUSED)


def _blocks() -> Iterator[Block]:
    for page in PAGES:
        content = page.read_text(encoding="utf-8")
        for found in FENCE.finditer(content):
            indent = found["indent"]
            text = re.sub(f"^{indent}", "", found["text"], flags=re.M)
            line = content.count("\n", 0, found.start()) + 1
            before, after = content[: found.start()], content[found.end() :]
            yield Block(page, line, found["language"], text, before, after)


def anchors(page: Path) -> set[str]:
    """Return the anchors that a Markdown page's headings get."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+ (.+)$", text, flags=re.M)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


BLOCKS = list(_blocks())
