# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Chromium without a window, driven through a pair of pipes (the Chrome DevTools protocol)."""

from __future__ import annotations

import base64
import json
import os
import select
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

# Events of these kinds are what a page must not cause.
NOISE = {
    "Runtime.consoleAPICalled",
    "Runtime.exceptionThrown",
    "Log.entryAdded",
    "Page.javascriptDialogOpening",
    "Page.windowOpen",
}
# No first-run pages, no updates, no sandbox: what is opened is this test's own file.
OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)


class Browser:
    """One page in one browser; a context manager."""

    def __init__(self, program: str, profile: Path, *, width: int = 1300, height: int = 1600):
        commands, self._commands = os.pipe()
        self._answers, answers = os.pipe()
        options = [*OPTIONS, f"--user-data-dir={profile}", f"--window-size={width},{height}"]
        # The browser reads from descriptor 3 and writes to 4. (dash cannot redirect from two digits.)
        script = f'exec "$0" "$@" 3<&{commands} 4>&{answers}'
        self._process = subprocess.Popen(
            ["bash", "-c", script, program, *options, "about:blank"],
            pass_fds=(commands, answers),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(commands)
        os.close(answers)
        self._read = b""
        self._number = 0
        self.events: list[dict[str, Any]] = []
        self._session: str | None = None
        targets = self.send("Target.getTargets")["targetInfos"]
        (target,) = (one["targetId"] for one in targets if one["type"] == "page")
        attached = self.send("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *dummy: object) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._commands)
        os.close(self._answers)

    def send(self, method: str, **params: Any) -> Any:
        """Send one command and return its result; raises AssertionError for an error."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return answer["result"]
            self.events.append(answer)

    def open(self, path: Path, fragment: str = "") -> None:
        """Open a file and wait until it is loaded; what happened before is forgotten."""
        # By way of another page: to another fragment alone is no loading.
        for url in ("about:blank", path.as_uri() + fragment):
            self.events.clear()
            self.send("Page.navigate", url=url)
            end = time.monotonic() + 60
            while self.run("[location.href, document.readyState].join(' ')") != f"{url} complete":
                assert time.monotonic() < end, f"{url} is not loaded"
                time.sleep(0.02)

    def happened(self, *methods: str) -> list[dict[str, Any]]:
        return [one for one in self.events if one.get("method") in methods]

    def noise(self) -> list[dict[str, Any]]:
        """Return what was said on the console, thrown, or asked of somebody else than the disk."""
        self.run("0")
        requests = [
            one["params"]["request"]["url"] for one in self.happened("Network.requestWillBeSent")
        ]
        strangers = [
            {"request": url} for url in requests if not url.startswith(("file:", "about:"))
        ]
        return [*self.happened(*NOISE), *strangers]

    def run(self, expression: str) -> Any:
        """Return what an expression of JavaScript gives in the page, as JSON."""
        result = self.send(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def picture(self, path: Path) -> None:
        data = self.send("Page.captureScreenshot", format="png")["data"]
        path.write_bytes(base64.b64decode(data))

    def _next(self, seconds: float = 60) -> dict[str, Any]:
        end = time.monotonic() + seconds
        while b"\0" not in self._read:
            left = end - time.monotonic()
            ready: Sequence[int] = select.select([self._answers], [], [], max(left, 0))[0]
            assert ready, "the browser does not answer"
            part = os.read(self._answers, 1 << 16)
            assert part, "the browser has ended"
            self._read += part
        message, dummy, self._read = self._read.partition(b"\0")
        return dict(json.loads(message))
