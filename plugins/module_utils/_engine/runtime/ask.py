# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""``socket-access explain`` and ``who``: the kernel's own rules, asked about one path."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ..errors import AccessError
from ..host.accounts import HostNames
from ..host.pinned import chain_of
from ..model.account import Credentials
from ..model.chain import DIRECTORY, OTHER, SOCKET, Chain
from ..model.words import Names, capital, one_line
from ..reach import judge
from ..strangers import stranger_here
from .output import Output

_ELSE = {DIRECTORY: "a directory", OTHER: "a regular file, a pipe or a device"}


class Answer(NamedTuple):
    """Whether one principal can connect to a path, and what decides it, as a sentence."""

    principal: str
    connects: bool
    reason: str


def explain(
    path: str, user: str, output: Output, *, as_json: bool, kind: str | None, prove: bool
) -> bool:
    """Print whether a user can connect, and why not; True if every process of the user can.

    ``kind`` is the type of socket that the client asks for.  With ``prove`` the answer of a real
    connect() as the user is taken into account.
    """
    # Loaded for this question only: the other one needs nothing of it.
    from ..diagnose import described, in_words
    from ..policy import Principal
    from ..why import explain as find_out
    from ..why import try_it

    principal = Principal("user", user)
    outcome = try_it(path, principal, kind) if prove else None
    found = find_out(path, principal, kind=kind, outcome=outcome)
    names = HostNames()
    reached = not found.refused and (outcome is None or outcome.connected)
    if as_json:
        proof = None
        if outcome is not None:
            proof = {
                "connected": outcome.connected,
                "errno": outcome.errno,
                "type": outcome.type,
                "message": outcome.text,
            }
        output.document({**described(found, names), "proof": proof})
        return reached
    for tone, line in in_words(found, names):
        output.say(line, tone)
    if outcome is not None:
        output.say(outcome.text, "good" if outcome.connected else "bad")
    return reached


def who(path: str, output: Output, *, as_json: bool) -> bool:
    """Print what a socket is, who is connected and who can connect; False if there is none.

    ``path`` may also be an abstract name after "@".  Raises AccessError that says what is there
    instead; a document says it with the rest.
    """
    from ..census import SomebodyElse, described, finding_in_words, in_words
    from .info import census

    abstract = path.startswith("@")
    names = HostNames()
    nobody = stranger_here()
    others = SomebodyElse(names, nobody)
    chain = None if abstract else chain_of(path)
    instead = None if chain is None else _no_socket(chain)
    if instead is not None and not as_json:
        raise AccessError(instead)
    answers = [] if chain is None else list(_answers(chain, others, nobody))
    seen = census([path])
    if as_json:
        principals = [answer._asdict() for answer in answers]
        output.document({"path": path, **described(seen, names), "principals": principals})
        return instead is None and bool(seen.sockets or not abstract)
    for one in seen.sockets:
        for line in in_words(one, names):
            output.say(line)
        if abstract and one.reach is not None:
            output.say(f"Everyone can connect: {one.reach.reason}")
    for finding in seen.findings:
        output.say(finding_in_words(finding))
    for line in seen.unseen:
        output.say(line)
    if abstract and not seen.sockets:
        raise AccessError(f"Nobody listens on the abstract name {path}.")
    if not abstract:
        _say(answers, output)
    return True


def _no_socket(chain: Chain) -> str | None:
    """Return that there is no socket at a path, and why; None where there is one."""
    leaf, start = chain.leaf, f"There is no socket at {chain.path}"
    # A link may lead to any name, and each line of an error stands for itself.
    if chain.missing is not None:
        return f"{start}, because {one_line(chain.missing)} does not exist."
    if leaf is None:
        return f"{start}, because {one_line(chain.blocked or '')} is on the way and is not a directory."
    return None if leaf.kind == SOCKET else f"{start}, for it is {_ELSE[leaf.kind]}."


def _say(answers: list[Answer], output: Output) -> None:
    """Print who can connect, or who cannot where everyone else can."""
    others = answers[-1]
    listed = [one for one in answers[:-1] if one.connects and not others.connects]
    for one in listed:
        output.say(f"{capital(one.principal)} can connect: {one.reason}")
    if others.connects:
        refused = [one for one in answers[:-1] if not one.connects]
        output.say(
            f"Everyone can connect{', except for those below' * bool(refused)}: {others.reason}"
        )
        for one in refused:
            output.say(f"{capital(one.principal)} cannot connect: {one.reason}")
    else:
        output.say(f"Nobody else can connect: {others.reason}")


def _answers(chain: Chain, names: Names, nobody: Credentials) -> Iterator[Answer]:
    """Judge every user and group of the host, and last somebody who is neither."""
    from ..census.people import people

    everybody = people(nobody)
    asked = [(f"user {user.name}", user.credentials) for user in everybody.users]
    asked += [(f"group {name}", Credentials(nobody.uid, gid)) for name, gid in everybody.groups]
    asked.append(("everyone", nobody))
    for principal, credentials in asked:
        verdict = judge(chain, credentials, names)
        yield Answer(principal, verdict.allowed, verdict.text)
