# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The page: what hosts answer stays text, and the table says who can connect."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("jinja2", reason="the report is made on the controller, which has it")

from ansible_collections.unixsocket.access.plugins.plugin_utils import _report
from ansible_collections.unixsocket.access.plugins.plugin_utils._report.matrix import matrix
from ansible_collections.unixsocket.access.plugins.plugin_utils._report.page import visible
from unit.report import fleet

TEMPLATE = Path(__file__).resolve().parents[3] / "roles/socket_audit/templates/report.html.j2"
APP = "/run/app/app.sock"
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>\n\u202e{{ 7 * 7 }}\x1b[2J"


class Page(HTMLParser):
    """Every element with its attributes, and all text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, dummy in attrs]
        assert len(names) == len(set(names)), f"an attribute of {tag} is there twice"
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return "".join(self.texts)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def text_of(document: Any) -> str:
    return "".join(_report.page(document, str(TEMPLATE)))


def hostile(text: str) -> Any:
    """Return a document with the text wherever a host, or who writes the inventory, can put it."""
    path = f"/run/{text}"
    seen = fleet.socket(
        path,
        owner=text,
        group=text,
        mode="0660",
        acl=[f"user:{text}:rw-"],
        unit=text,
        note=text,
        reach=fleet.reach("root", text, groups=[text], reason=text),
        powerful={"what": text, "why": text},
        connected=[{**fleet.process(1, text), "connections": 1}],
    )
    grants = [fleet.grant(f"user {text}", path, text, reason=text)]
    policy = fleet.policy(fleet.declared(text, path, grants, [f"user {text}2"]), changes=[text])
    policy["sockets"][text]["notes"] = [text]
    asked = fleet.probed(path, **{text: False, f"{text}2": True})
    findings = [fleet.finding("a-kind", "high", path, message=text, remedy=text)]
    answers = (fleet.info([seen], findings, unseen=[text]), policy, fleet.proofs(asked))
    before = fleet.host("web", fleet.info([fleet.socket(path), fleet.socket(f"{path}2")]))
    hosts = [
        fleet.host("web", *answers),
        fleet.host(f"{text}1", *answers),
        fleet.host(f"{text}2", {"unreachable": True, "msg": text}),
        fleet.host(f"{text}3", answers[0], {"failed": True, "msg": text}),
    ]
    # An answer with another kind is refused, so the page would have to be wrong as well.
    for one in (one for host in hosts for one in host["findings"] if one["id"] == "a-kind"):
        one["id"] = text
    document = _report.with_baseline(fleet.document(*hosts), fleet.document(before))
    document["assertions"] = [
        {"that": text, "message": text, "held": False, "gave": {text: [text]}, "error": None},
        {"that": text, "message": text, "held": False, "gave": None, "error": text},
    ]
    return document


def test_what_hosts_answer_stays_text() -> None:
    """The hostile page has the very elements of a harmless one."""
    page, plain = Page(text_of(hostile(HOSTILE))), Page(text_of(hostile("harmless")))
    assert [tag for tag, dummy in page.elements] == [tag for tag, dummy in plain.elements]
    for (dummy, found), (tag, wanted) in zip(page.elements, plain.elements):
        assert found.keys() == wanted.keys(), tag
    assert page.text.count("alert(1)") > 30
    assert "49" not in page.text.replace("{{ 7 * 7 }}", "")
    assert page.text.count("{{ 7 * 7 }}") > 30
    for character in ("\u202e", "\x1b"):
        assert character not in page.text
    assert "\\u202e" in page.text


def test_names_that_are_no_utf_8(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    _report.replaced(str(path), _report.page(hostile("a\udcffb"), str(TEMPLATE)), 0o600)
    assert "a\\udcffb" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "shown"),
    [("plain ü", "plain ü"), ("a\nb", "a\\nb"), ("\u202e", "\\u202e"), ("\x00", "\\x00"), (5, "5")],
)
def test_control_characters_can_be_seen(text: Any, shown: str) -> None:
    assert visible(text) == shown


def test_nothing_comes_from_outside_and_only_its_own_script_runs() -> None:
    text = text_of(fleet.document(*fleet.fleet(4)))
    page = Page(text)
    for tag, attributes in page.elements:
        assert not attributes.keys() & {"src", "srcset", "style", "action", "data"}, tag
        assert not [name for name in attributes if name.startswith("on")], tag
        assert (attributes.get("href") or "#").startswith("#"), tag
    assert "http://" not in text
    assert "url(" not in text
    assert "@import" not in text
    (policy,) = (
        one["content"]
        for one in page.all("meta")
        if one.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy is not None
    assert "default-src 'none'" in policy
    for kind in ("script", "style"):
        (inner,) = re.findall(f"<{kind}>(.*?)</{kind}>", text, re.S)
        mark = base64.b64encode(hashlib.sha256(inner.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{mark}'" in policy


def test_every_link_leads_somewhere_and_every_id_is_there_once() -> None:
    page = Page(text_of(fleet.document(*fleet.fleet(12))))
    ids = [attributes["id"] for dummy, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = [str(one["href"]).removeprefix("#") for one in page.all("a")]
    assert len(links) > 12
    assert set(links) <= set(ids)


def test_what_the_page_says() -> None:
    before = fleet.document(*fleet.fleet(9, 40))
    document = _report.with_baseline(fleet.document(*fleet.fleet(10)), before)
    document["assertions"] = _report.judged(
        document, _report.check([{"that": "hosts[99]", "message": "A hundred hosts."}], "x")
    )
    text = Page(text_of(document)).text
    for words in (
        "Audit of 10 hosts",
        "1 without an answer",
        "Connection timed out.",
        "A hundred hosts.",
        "fails",
        "What the next run would change",
        "new sockets",
        "Hosts that the baseline does not have: node0009.example.org.",
        "as good as root",
    ):
        assert words in text


def test_a_grant_that_ends_says_when() -> None:
    path, ends = "/run/app.sock", "2027-02-01T00:00:00Z"
    grants = [
        fleet.grant("user eve", path, expires=ends),
        fleet.grant("user bob", path),
    ]
    policy = fleet.policy(fleet.declared("app", path, grants))
    document = fleet.document(fleet.host("web", fleet.info([fleet.socket(path)]), policy))
    assert document["hosts"][0]["declared"][0]["grants"][0]["expires"] == ends
    assert Page(text_of(document)).text.count(f"until {ends}") == 1


def test_a_page_of_nothing() -> None:
    text = Page(text_of(fleet.document())).text
    assert "Nothing was found to be wrong on any host." in text


def test_a_template_that_is_not_there() -> None:
    with pytest.raises(_report.ReportError, match="cannot be used"):
        "".join(_report.page(fleet.document(), "/nonexistent/report.html.j2"))


# -- the table -------------------------------------------------------------------------------------


def table(*answers: Any) -> Any:
    """Return the cells of a host by socket and column, as kind, text and proof."""
    made = matrix(fleet.host("web", *answers))
    if made is None:
        return None
    columns = [
        ",".join(f"{one['kind'][0]}:{one['name']}" for one in column["names"])
        for column in made["columns"]
    ]
    return {
        " ".join(row["sockets"]): {
            name: (cell.kind, cell.text, cell.proven)
            for name, cell in zip(columns, row["cells"])
            if cell.kind != "none"
        }
        for row in made["rows"]
    }


def test_sockets_without_a_declaration() -> None:
    sockets = [
        fleet.socket("/run/root.sock"),
        fleet.socket("/run/all.sock", reach=fleet.everyone()),
        fleet.socket("/run/but.sock", reach=fleet.everyone("eve")),
        fleet.socket("@abstract"),
        fleet.socket("/run/10.sock", reach=fleet.reach("root", "bob", groups=["web"])),
        fleet.socket("/run/2.sock", reach=fleet.reach("root", "bob")),
        fleet.socket("/run/3.sock", reach=fleet.reach("root", "bob")),
    ]
    found = table(fleet.info(sockets))
    everyone = ("yes", "everyone", False)
    assert found == {
        "/run/2.sock /run/3.sock": {"u:bob": ("yes", "", False)},
        "/run/10.sock": {"u:bob": ("yes", "", False), "g:web": ("yes", "", False)},
        "/run/but.sock": {"u:bob": everyone, "u:eve": ("no", "", False), "g:web": everyone},
    }
    assert list(found) == ["/run/2.sock /run/3.sock", "/run/10.sock", "/run/but.sock"]
    assert table(fleet.info(sockets[:2])) is None


def test_grants_by_permissions() -> None:
    sockets = [fleet.socket(APP, reach=fleet.reach("root", "app", "bob", "eve"))]
    grants = [fleet.grant("user bob", APP), fleet.grant("user joe", APP, "group")]
    grants.append(fleet.grant("user 1000", APP))
    policy = fleet.policy(fleet.declared("app", APP, grants, ["user eve", "user mal"]))
    assert table(fleet.info(sockets), policy) == {
        APP: {
            "u:bob": ("yes", "acl", False),
            "u:joe": ("bad", "group", False),
            "u:1000": ("open", "acl", False),
            "u:eve": ("bad", "let in", False),
            "u:mal": ("no", "refused", False),
            "u:app": ("also", "not declared", False),
        }
    }


def test_grants_by_proof() -> None:
    sockets = [fleet.socket(APP, reach=fleet.reach("root", "bob"))]
    grants = [fleet.grant("user bob", APP), fleet.grant("user joe", APP)]
    policy = fleet.policy(fleet.declared("app", APP, grants, ["user eve", "user mal"]))
    asked = fleet.proofs(fleet.probed(APP, bob=True, joe=False, eve=True, mal=False))
    assert table(fleet.info(sockets), policy, asked) == {
        APP: {
            "u:bob": ("yes", "acl", True),
            "u:joe": ("bad", "acl", False),
            "u:eve": ("bad", "let in", False),
            "u:mal": ("no", "refused", True),
        }
    }


def test_a_grant_elsewhere_is_in_the_row_of_its_endpoint() -> None:
    at = "/srv/app.sock"
    sockets = [
        fleet.socket(APP, reach=fleet.reach("root", "app")),
        fleet.socket(at, reach=fleet.reach("root", "bob", "eve")),
    ]
    grants = [fleet.grant("user bob", at, "proxy")]
    policy = fleet.policy(fleet.declared("app", APP, grants, ["user mal"]))
    assert table(fleet.info(sockets), policy) == {
        APP: {"u:app": ("also", "not declared", False), "u:mal": ("no", "refused", False)},
        at: {"u:bob": ("yes", "proxy", False), "u:eve": ("also", "not declared", False)},
    }


@pytest.mark.parametrize("reach", [fleet.reach("root", "bob", "eve"), fleet.everyone()])
def test_permissions_do_not_say_whom_a_gate_lets_in(reach: Any) -> None:
    grants = [fleet.grant("user bob", APP, "gate")]
    policy = fleet.policy(fleet.declared("app", APP, grants, ["user mal"]))
    sockets = [
        fleet.socket(APP, reach=reach),
        fleet.socket("/run/other", reach=fleet.reach("root", "eve")),
    ]
    found = table(fleet.info(sockets), policy)
    assert found[APP] == {"u:bob": ("yes", "gate", False), "u:mal": ("no", "refused", False)}


def test_a_declared_socket_that_does_not_exist() -> None:
    policy = fleet.policy(fleet.declared("app", APP, [fleet.grant("user bob", APP)]))
    assert table(fleet.info([]), policy) == {APP: {"u:bob": ("open", "acl", False)}}


def test_users_with_the_same_answers_share_a_column() -> None:
    users = [f"user{number:03}" for number in range(500)]
    sockets = [
        fleet.socket(f"/run/{one}", reach=fleet.reach("root", *users, "bob")) for one in "ab"
    ]
    sockets.append(fleet.socket("/run/c", reach=fleet.reach("root", "bob")))
    made = matrix(fleet.host("web", fleet.info(sockets)))
    assert made is not None
    bob, others = made["columns"]
    assert (len(bob["names"]), bob["more"]) == (1, 0)
    assert (len(others["names"]), others["more"]) == (3, 497)


def test_a_table_has_an_end() -> None:
    sockets = [
        fleet.socket(f"/run/{one}", reach=fleet.reach("root", f"user{one}")) for one in range(99)
    ]
    made = matrix(fleet.host("web", fleet.info(sockets)))
    assert made is not None
    assert (len(made["columns"]), made["left_out"]) == (30, 69)
    assert {len(row["cells"]) for row in made["rows"]} == {30}
