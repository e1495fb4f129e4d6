# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""An explanation in whole sentences, line by line, each with how it is to be shown."""

from __future__ import annotations

from collections.abc import Iterator

from ..model.words import Names, capital
from ..reach.explain import briefly, line
from ..reach.walk import findings
from .confined import SECCOMP
from .explanation import Explanation
from .values import Change

# How a line is meant: a terminal may show each in another colour.
PLAIN, GOOD, BAD, HEAD, CODE = "plain", "good", "bad", "head", "code"
Line = tuple[str, str]


def in_words(one: Explanation, names: Names) -> Iterator[Line]:
    """Yield all of an explanation for a person, with the tone of each line."""
    who = capital(str(one.principal))
    decisive = one.decisive
    if not one.new.connects:
        errno = one.new.causes[0].errno
        yield BAD, f"{who} cannot connect to {one.path} ({errno})."
    elif decisive is None:
        yield GOOD, f"{who} can connect to {one.path}."
    else:
        yield (
            BAD,
            f"{who} can connect to {one.path}, but not with every process that runs now "
            f"({decisive.errno}).",
        )
    if not one.new.connects:
        yield PLAIN, one.reason
    yield HEAD, "The way, as the kernel goes it for a new process:"
    yield from _way(one, names)
    yield from _running(one)
    for found in one.confinement:
        # Most services have a filter, so it is of interest only where nothing else was found.
        if found.module != SECCOMP or not one.refused:
            yield PLAIN, found.text
    for note in one.notes:
        yield PLAIN, note
    yield from _helps(one)


def why(one: Explanation, names: Names) -> list[str]:
    """Return the same for a message, without the answer, which the message has given already."""
    return [text for dummy, text in list(in_words(one, names))[1:]]


def _way(one: Explanation, names: Names) -> Iterator[Line]:
    told: set[tuple[str | None, str]] = set()
    for finding in findings(one.chain, one.who):
        if finding.allowed:
            yield GOOD, f"  ok  {briefly(finding, names)}"
            continue
        yield BAD, f"  no  {line(finding, one.chain, one.who, names)}"
        if not told:
            yield BAD, f"      Here the kernel stops with {finding.errno}."
        told.add((finding.errno, finding.path))
    for cause in one.new.causes:
        if (cause.errno, cause.path) not in told:
            yield BAD, f"  no  {cause.text}"
            if not told:
                yield BAD, f"      Here the kernel stops with {cause.errno}."
            told.add((cause.errno, cause.path))
    if one.new.connects:
        served = ""
        if one.socket is not None:
            unit = "" if one.creator is None else f", of {one.creator.unit}"
            served = f" It is a {one.socket.type} socket{unit}."
        yield GOOD, f"Nothing on the way refuses.{served}"


def _running(one: Explanation) -> Iterator[Line]:
    counting = [answer for answer in one.running if answer.counts]
    if counting:
        yield HEAD, "Running processes for which it is different:"
    for answer in counting:
        for cause in answer.causes:
            yield BAD, f"  no  {cause.text}"
        for note in answer.notes:
            yield (
                GOOD if answer.connects else PLAIN,
                f"  {'ok' if answer.connects else '  '}  {note}",
            )


def _helps(one: Explanation) -> Iterator[Line]:
    changes = one.changes
    if len(changes) == 1:
        yield HEAD, "What would help:"
    elif changes:
        yield HEAD, "What would help, all of it together:"
    for number, change in enumerate(changes, 1):
        start = f"  {number}. " if len(changes) > 1 else "  "
        yield CODE, f"{start}{change.text}"
        yield from _instead(change)
    if one.proposal is not None and not one.refused:
        yield HEAD, "What would keep it out, in the declaration:"
    elif one.proposal is not None:
        yield HEAD, "The declaration that does it, and keeps it when the daemon restarts:"
    if one.proposal is not None:
        for row in one.proposal.yaml.splitlines():
            yield CODE, f"  {row}"
        for note in one.proposal.notes:
            yield PLAIN, note


def _instead(change: Change) -> Iterator[Line]:
    # A remedy names the membership that would do instead in its own text.
    if change.instead is not None and change.action != "acl-entry":
        yield CODE, f"     Or: {change.instead.text}"
