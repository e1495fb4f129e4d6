# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the parts: main.py [PART...]; ``tests/bench/run`` says what they are."""

from __future__ import annotations

import json
import re
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from bench import fleet, grants, keeper, load, machine, methods, page, settings, ways
from bench.containers import HERE, Place

Part = Callable[[Place, settings.Settings], dict[str, Any]]
PARTS: dict[str, Part] = {
    "grants": grants.measure,
    "methods": methods.measure,
    "hosts": fleet.measure,
    "gate": ways.gate,
    "audit": ways.audit,
}
DOCS = HERE.parents[1] / "docs"
RESULTS = HERE / "results.json"
# A list without another one in it, which is easier to read in one line.
INNER = re.compile(r"\[[^\[\]{}]*\]")


def read() -> dict[str, Any]:
    if not RESULTS.exists():
        return {"parts": {}}
    return dict(json.loads(RESULTS.read_text(encoding="utf-8")))


def write(results: dict[str, Any]) -> None:
    text = json.dumps(results, indent=1, ensure_ascii=False)
    text = INNER.sub(lambda found: re.sub(r"\s*\n\s*", " ", found[0]), text)
    RESULTS.write_text(text.replace("[ ", "[").replace(" ]", "]") + "\n", encoding="utf-8")


def write_page(results: dict[str, Any]) -> None:
    file = DOCS / "performance.md"
    file.write_text(page.written(file.read_text(encoding="utf-8"), results), encoding="utf-8")
    for name, picture in page.pictures(results).items():
        (DOCS / "images" / name).write_text(picture, encoding="utf-8")


def now() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")


def measure(names: list[str], keep: bool, kept_by: int) -> dict[str, Any]:
    """Measure parts; what is kept is kept after each of them, so that none is lost with a later."""
    known = settings.read()
    results, began = read(), now()
    facts = {"began": began, "machine": machine.facts(), "command": settings.command()}
    if names == list(PARTS) or "machine" not in results:
        results |= facts
    measured = {}
    for name in names:
        with tempfile.TemporaryDirectory(prefix="bench.") as directory:
            Path(directory).chmod(0o755)
            before = load.reading(kept_by)
            part = PARTS[name](Place(Path(directory)), known)
            processors = load.between(before, load.reading(kept_by))
        measured[name] = {"began": began, "date": now(), "processors": processors, **part}
        results["parts"] |= {name: measured[name]}
        if keep:
            write(results)
    return measured


def main(arguments: list[str], kept_by: int) -> None:
    if arguments == ["page"]:
        write_page(read())
        return
    keep = not arguments or "--write" in arguments
    names = [name for name in arguments if name != "--write"] or list(PARTS)
    wrong = [name for name in names if name not in PARTS]
    if wrong:
        raise SystemExit(f"There is no part {wrong[0]!r}; there are: {', '.join(PARTS)}, page.")
    started = time.monotonic()
    measured = measure(names, keep, kept_by)
    print(f"  measured in {time.monotonic() - started:.0f}s", file=sys.stderr)
    print(f"  processor time that something else took: {page.others(measured)}", file=sys.stderr)
    for name, part in measured.items():
        print(f"\n{page.PARTS[name](part)}")
        if name == "grants":
            print(f"\n{page.loops(part)}")
    if {"grants", "hosts"} & measured.keys():
        print(f"\n{page.targets(measured)}")
    if keep:
        write_page(read())
        print(f"\nWritten: {RESULTS}, {DOCS}/performance.md and its pictures.", file=sys.stderr)


if __name__ == "__main__":
    kept_by = keeper.keep()
    # Whoever ends it gets the hosts removed, too.
    signal.signal(signal.SIGTERM, lambda *dummy: sys.exit(1))
    main(sys.argv[1:], kept_by)
