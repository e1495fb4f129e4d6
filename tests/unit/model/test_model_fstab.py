# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The text of fstab: found by target, changed in one line, all else byte by byte as it was."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.unixsocket.access.plugins.module_utils._engine.errors import AccessError
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model import fstab

LINE = fstab.user_line("/run/user/1000/pipewire-0", "/run/audio/pipewire-0", "audio")

words = st.text(
    st.characters(codec="utf-8", exclude_characters="\0\r"), min_size=1, max_size=12
).map(str.strip)
paths = words.map(lambda word: "/" + word)
# Whatever mount(8) understands: comments, empty lines, mounts with any white space, bytes of any
# encoding, ends of lines of both kinds.
field = st.binary(min_size=1, max_size=8).map(
    lambda data: b"/" + bytes(one for one in data if one not in b" \t\n\r\\\0")
)
spaces = st.sampled_from((b" ", b"\t", b" \t  "))
mounts = st.builds(
    lambda lead, source, gap, target, rest: lead + source + gap + target + rest,
    st.sampled_from((b"", b" ", b"\t")),
    field,
    spaces,
    field,
    st.sampled_from((b" none", b"\text4\tdefaults", b" none bind 0 0", b" x y 1 2 # more words")),
)
comments = st.binary(max_size=20).map(lambda data: b" # " + data.replace(b"\n", b""))
files = st.builds(
    lambda lines, last: b"".join(line + end for line, end in lines) + last,
    st.lists(
        st.tuples(st.one_of(mounts, comments, st.just(b"")), st.sampled_from((b"\n", b"\r\n"))),
        max_size=6,
    ),
    st.one_of(st.just(b""), mounts, comments),
)


def test_the_line_of_a_user() -> None:
    assert LINE == (
        b"/run/user/1000/pipewire-0 /run/audio/pipewire-0 none "
        b"bind,rw,user,noauto,nofail,x-socket-access=audio 0 0"
    )


@given(st.binary(max_size=30).filter(lambda data: b"\0" not in data))
def test_escapes_go_both_ways(data: bytes) -> None:
    escaped = fstab.escape(data)
    assert fstab.unescape(escaped) == data
    assert not set(escaped) & set(b" \t\n")
    assert not escaped.startswith(b"#")


@given(paths, paths)
def test_no_path_says_more_than_a_path(source: str, target: str) -> None:
    line = fstab.user_line(source, target, "name")
    [found] = fstab.parse(line)
    assert found.source.decode() == source
    assert found.target.decode() == target
    assert found.options == tuple(LINE.split()[3].replace(b"=audio", b"=name").split(b","))


@given(files, paths)
def test_what_is_added_is_taken_out_without_a_trace(text: bytes, target: str) -> None:
    line = fstab.user_line("/s", target, "name")
    after = fstab.with_line(text, line)
    assert [one.raw for one in fstab.find(after, target) if one.ours] == [line]
    assert fstab.with_line(after, line) == after
    assert after.startswith(text)
    assert fstab.without_line(after, target) == text


@pytest.mark.parametrize("text", [b"", b"# x\n", b"/dev/x / ext4 rw 0 0\n"])
def test_a_line_is_added_as_the_last_one(text: bytes) -> None:
    assert fstab.with_line(text, LINE) == text + LINE + b"\n"
    if text:
        # A file whose last line has no end keeps none.
        assert fstab.with_line(text[:-1], LINE) == text + LINE


@given(files, files)
def test_duplicates_become_one_where_the_first_was(before: bytes, after: bytes) -> None:
    if before and not before.endswith(b"\n"):
        before += b"\n"
    old = LINE.replace(b"=audio", b"=old")
    text = before + old + b"\n" + LINE + b"\r\n" + after
    assert fstab.with_line(text, LINE) == before + LINE + b"\n" + after
    assert fstab.without_line(text, "/run/audio/pipewire-0") == before + after


@pytest.mark.parametrize(
    ("target", "shape"),
    [
        ("/mnt/a b", rb"/mnt/a\040b"),
        ("/mnt/a b", rb"/mnt/a\040b/"),
        ("/mnt/x", b"/mnt//x"),
        ("/mnt/x/", b"/mnt/x"),
        ("/mnt/#x", rb"/mnt/\043x"),
        ("/mnt/#x", b"/mnt/#x"),
        ("/mnt/\\x", rb"/mnt/\134x"),
        ("/mnt/\xff".encode("latin-1").decode("utf-8", "surrogateescape"), b"/mnt/\xff"),
    ],
)
def test_targets_are_compared_by_what_they_mean(target: str, shape: bytes) -> None:
    assert [one.number for one in fstab.find(b"# x\n/dev/x " + shape + b" ext4\n", target)] == [2]


def test_a_target_without_a_slash_is_another_one() -> None:
    assert fstab.find(b"/dev/x mnt/x ext4\n", "/mnt/x") == []


@pytest.mark.parametrize(
    ("rest", "options"),
    [
        (b"", ()),
        (b" rw", (b"rw",)),
        (b" rw,bind 0 0", (b"rw", b"bind")),
        (b" rw,bind\r", (b"rw", b"bind")),
    ],
)
def test_options(rest: bytes, options: tuple[bytes, ...]) -> None:
    (line,) = fstab.parse(b"/dev/x /mnt/x ext4" + rest)
    assert line.options == options


def test_only_the_first_number_sign_begins_a_comment() -> None:
    assert fstab.escape(b"##a#") == rb"\043#a#"


def test_only_lines_with_the_mark_are_ours() -> None:
    foreign = b"/dev/sda1 /run/audio/pipewire-0 ext4 x-systemd.automount 0 0\n"
    text = foreign + LINE + b"\n"
    assert [one.ours for one in fstab.find(text, "/run/audio/pipewire-0")] == [False, True]
    assert fstab.without_line(text, "/run/audio/pipewire-0") == foreign


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"/dev/sda1", "fewer than three fields"),
        (b"/dev/sda1 /mnt", "fewer than three fields"),
        (b"/dev/sda1 /mnt\r", "fewer than three fields"),
        (b"/dev/sda1 /mnt ext4 defaults x 0", "something else than a number"),
        (b"/dev/sda1 /mnt ext4 defaults 0 -", "something else than a number"),
        (rb"/dev/sda1 /mnt\9 ext4", "a backslash in its target"),
        (rb"/dev/sda1 /mnt\04 ext4", "a backslash in its target"),
        (rb"/dev/sda1 /mnt\101 ext4", "a backslash in its target"),
        (b"/dev/sda1 /mnt\0x ext4", "a NUL character"),
    ],
)
def test_what_does_not_parse_is_named(line: bytes, reason: str) -> None:
    text = b"# one\n\n/dev/x / ext4\n" + line + b"\n"
    for call in (
        lambda: fstab.parse(text),
        lambda: fstab.find(text, "/x"),
        lambda: fstab.with_line(text, LINE),
        lambda: fstab.without_line(text, "/x"),
    ):
        with pytest.raises(AccessError, match=f"Line 4 of /etc/fstab does not parse, .*{reason}"):
            call()


def test_what_mount_takes_is_taken() -> None:
    text = (
        b"LABEL=a\\9 / ext4\r\n  UUID=b\tnone  swap sw 0\n\t# x\n//nas/x /n cifs a=\\q 0 0 more\n"
    )
    assert [one.target for one in fstab.parse(text)] == [b"/", b"none", b"/n"]


@pytest.mark.parametrize(
    "name", ["", "a b", "a\tb", "a\nb", "a,suid", "#a", "a\\b", "a=b", "-a", "ä"]
)
def test_a_name_that_says_more_is_refused(name: str) -> None:
    with pytest.raises(AccessError, match="cannot stand in the fstab line for /t"):
        fstab.user_line("/s", "/t", name)


@pytest.mark.parametrize("path", ["s", "", "/a\0b", "/a\rb"])
def test_a_path_that_fstab_cannot_hold_is_refused(path: str) -> None:
    with pytest.raises(AccessError, match="absolute path"):
        fstab.user_line(path, "/t", "x")
    with pytest.raises(AccessError, match="absolute path"):
        fstab.user_line("/s", path, "x")


@pytest.mark.parametrize("line", [b"", b"# x", b"/s /t none bind 0 0", LINE + b"\n/a /b none"])
def test_nothing_but_one_line_of_ours_is_added(line: bytes) -> None:
    with pytest.raises(AccessError, match="own mark"):
        fstab.with_line(b"", line)


def test_the_first_line_of_somebody_else_is_in_the_way_and_ours_is_not() -> None:
    text = b"# a comment\n" + LINE + b"\n/my\\040disk /run/audio//pipewire-0 ext4\n"
    lines = fstab.find(text, "/run/audio/pipewire-0")
    said = fstab.in_the_way(lines, "/run/s", "/run/audio/pipewire-0", "/etc/fstab") or ""
    assert said.startswith("Line 3 of /etc/fstab mounts /my disk on /run/audio/pipewire-0, where")
    for word in ("the socket /run/s", "Take that line out", "another path"):
        assert word in said
    assert fstab.in_the_way(lines[:1], "/run/s", "/run/audio/pipewire-0", "/etc/fstab") is None


def test_what_is_not_understood_is_left_out_where_nobody_mounts_by_the_file() -> None:
    text = b"nonsense\n/dev/x /t ext4\n/dev/y /t\\q ext4\n"
    assert [line.number for line in fstab.find(text, "/t", strict=False)] == [2]
    with pytest.raises(AccessError, match="Line 1 of"):
        fstab.find(text, "/t")
