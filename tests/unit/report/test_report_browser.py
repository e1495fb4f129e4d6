# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The page in Debian's Chromium: it opens, filters, and can be read without JavaScript."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("jinja2", reason="the report is made on the controller, which has it")
pytest.importorskip("jmespath", reason="only a controller's tools have it")

from ansible_collections.unixsocket.access.plugins.plugin_utils import _report
from unit.report import fleet
from unit.report.browser import Browser
from unit.report.test_report_page import HOSTILE, TEMPLATE, hostile

CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="there is no chromium; tests/tools/setup installs it"
)
SHOWN = "[...document.querySelectorAll('{}')].filter(one => one.checkVisibility()).length"
# The least contrast of any text, by WCAG 2 (relative luminance), among elements with a text of
# their own.
CONTRAST = """
(() => {
  const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const rgb = (colour) => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return canvas.getImageData(0, 0, 1, 1).data;
  };
  const light = (colour) => [...colour].slice(0, 3).map((one) => one / 255)
    .map((one) => one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4)
    .reduce((sum, one, index) => sum + one * [0.2126, 0.7152, 0.0722][index], 0);
  const behind = (one) => {
    for (; one; one = one.parentElement) {
      const colour = rgb(getComputedStyle(one).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return [255, 255, 255, 255];
  };
  let least = [99, ""];
  for (const one of document.querySelectorAll("body *")) {
    const own = [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!own || !one.checkVisibility() || one.matches(".skip")) continue;
    const both = [light(rgb(getComputedStyle(one).color)), light(behind(one))].sort((a, b) => b - a);
    const ratio = (both[0] + 0.05) / (both[1] + 0.05);
    if (ratio < least[0]) least = [ratio, `${one.tagName}.${one.className}: ${one.textContent.slice(0, 40)}`];
  }
  return least;
})()
"""


def whole() -> Any:
    """Return a document with everything that a page can show."""
    before = fleet.document(*fleet.fleet(11, 40))
    document = _report.with_baseline(fleet.document(*fleet.fleet(24, 45)), before)
    asserted = [
        {"that": "length(hosts[].findings[?severity == 'high'][]) == `0`", "message": "No high."},
        {"that": "hosts[0]", "message": "A host."},
    ]
    document["assertions"] = _report.judged(document, _report.check(asserted, "x"))
    return document


def write(path: Path, document: Any) -> Path:
    _report.replaced(str(path), _report.page(document, str(TEMPLATE)), 0o644)
    return path


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(str(CHROMIUM), tmp_path_factory.mktemp("profile")) as made:
        yield made


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("page") / "report.html", whole())


@pytest.fixture
def opened(browser: Browser, page: Path) -> Browser:
    browser.open(page)
    return browser


def shown(browser: Browser, selector: str) -> int:
    return int(browser.run(SHOWN.format(selector)))


def search(browser: Browser, text: str, *, state: str = "", without: str = "") -> str:
    """Set the filters, and return what the page counts afterwards."""
    browser.run(
        f"""(async () => {{
          document.getElementById("search").value = {text!r};
          document.getElementById("state").value = {state!r};
          for (const box of document.querySelectorAll("[name=severity]"))
            box.checked = !{without!r}.split(" ").includes(box.value);
          document.getElementById("filters").dispatchEvent(new Event("input"));
          await new Promise((done) => setTimeout(done, 250));
        }})()"""
    )
    return str(browser.run("document.getElementById('count').textContent"))


def test_it_opens_in_silence(opened: Browser) -> None:
    assert opened.noise() == []
    assert opened.run("document.title").startswith("Unix sockets of 24 hosts")
    assert opened.run("document.querySelectorAll('.host').length") == 24
    assert shown(opened, "#filters") == 1
    assert opened.run("getComputedStyle(document.body).fontSize") == "15px"


def test_search(opened: Browser) -> None:
    assert search(opened, "") == "24 of 24 hosts, 5 of 5 findings"
    assert search(opened, "Node0003.example") == "1 of 24 hosts, 2 of 5 findings"
    assert opened.run("document.querySelector('.host:not([hidden]) .name').textContent") == (
        "node0003.example.org"
    )
    assert search(opened, "deploy").startswith("22 of 24 hosts, 0 of 5")
    opened.run("document.querySelector('.host:not([hidden])').open = true")
    # Of a host that was not meant by its name, only the rows with what was looked for are there.
    assert shown(opened, ".host[open] .matrix tbody tr") == 0
    assert search(opened, "docker.sock").startswith("23 of 24 hosts")
    assert shown(opened, ".host[open] .matrix tbody tr") == 1
    assert search(opened, "nothing at all") == "0 of 24 hosts, 0 of 5 findings"
    assert shown(opened, "#nohost") == shown(opened, "#nofinding") == 1
    assert search(opened, "") == "24 of 24 hosts, 5 of 5 findings"
    assert shown(opened, ".host[open] .matrix tbody tr") > 3
    assert shown(opened, "#nohost") == 0
    assert opened.noise() == []


def test_severities_and_states(opened: Browser) -> None:
    assert search(opened, "", without="medium low") == "2 of 24 hosts, 2 of 5 findings"
    assert search(opened, "", without="high medium low") == "0 of 24 hosts, 0 of 5 findings"
    assert search(opened, "", state="high").startswith("2 of 24")
    assert search(opened, "", state="silent").startswith("2 of 24")
    assert search(opened, "", state="changes").startswith("2 of 24")
    assert search(opened, "", state="findings").startswith("23 of 24")


def test_a_link_opens_its_host(browser: Browser, page: Path) -> None:
    browser.open(page, "#h3")
    assert browser.run("[...document.querySelectorAll('.host')].map((one) => one.open)") == [
        number == 3 for number in range(24)
    ]
    browser.run("location.hash = 'h9'")
    assert browser.run(
        "new Promise((done) => setTimeout(() => done(document.getElementById('h9').open), 100))"
    )
    assert shown(browser, "#h9 .matrix td.bad") == 1
    assert browser.noise() == []


def test_without_javascript(browser: Browser, page: Path) -> None:
    browser.send("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.open(page)
        assert shown(browser, "#filters") == 0
        assert shown(browser, ".host") == 24
        assert shown(browser, "#findings tbody tr") == 5
        assert shown(browser, ".matrix") == 0
        # As a click does, without the page's own script.
        browser.run("document.querySelector('#h0 > summary').click()")
        assert shown(browser, ".matrix") == 1
    finally:
        browser.send("Emulation.setScriptExecutionDisabled", value=False)


def test_hostile_names_do_nothing(browser: Browser, tmp_path: Path) -> None:
    path = write(tmp_path / "hostile.html", hostile(HOSTILE))
    browser.open(path)
    assert browser.noise() == []
    assert browser.run("document.querySelectorAll('script').length") == 1
    assert browser.run("document.images.length") == 0
    assert "<script>alert(1)</script>" in browser.run("document.querySelector('.name').textContent")
    assert search(browser, "<SCRIPT>ALERT(1)").startswith("4 of 4 hosts")
    assert browser.noise() == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_can_be_read_in_the_light_and_in_the_dark(opened: Browser, scheme: str) -> None:
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    opened.send("Emulation.setEmulatedMedia", features=features)
    try:
        opened.run("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        least, where = opened.run(CONTRAST)
        assert least >= 4.5, where
        dark = opened.run("matchMedia('(prefers-color-scheme: dark)').matches")
        assert dark == (scheme == "dark")
        background = opened.run("getComputedStyle(document.body).backgroundColor")
        assert (background == "rgb(15, 20, 27)") == dark
    finally:
        opened.send("Emulation.setEmulatedMedia", features=[])


def test_a_narrow_window_has_no_sideways_scrolling(opened: Browser) -> None:
    size = {"width": 400, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    opened.send("Emulation.setDeviceMetricsOverride", **size)
    try:
        opened.run("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        assert opened.run("document.documentElement.scrollWidth") <= 400
    finally:
        opened.send("Emulation.clearDeviceMetricsOverride")


def test_on_paper_everything_is_open(opened: Browser) -> None:
    opened.run("dispatchEvent(new Event('beforeprint'))")
    assert opened.run("document.querySelectorAll('.inside details:not([open])').length") == 0
    opened.send("Emulation.setEmulatedMedia", media="print")
    try:
        assert shown(opened, "#filters") == 0
        assert shown(opened, ".matrix") > 20
    finally:
        opened.send("Emulation.setEmulatedMedia", media="")
