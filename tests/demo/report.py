# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Turns what Ansible's JSON callback wrote into what a person reads, and judges it.

report.py matrix [before|after] FILE   the table user by socket; is it what the example promises?
report.py same before|after FILE       the table only where it is another one
report.py grants FILE                  method and reason of every grant
report.py changes [changed|unchanged] FILE
                                       what was changed and proven; is it as it must be?
report.py audit BEFORE AFTER           what the two audits found; is nothing left that the policy decides?
report.py failure FILE                 why a play failed
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import textwrap
from collections.abc import Iterator
from typing import Any

# Who gets in, by socket. Everybody else of the table must be refused with EACCES.
EXPECTED = {
    "before": {
        # systemd makes sockets with the mode 0666 unless told otherwise.
        "api": {"www-data", "shop", "monitoring", "backup", "intern", "nobody"},
        "redis": set(),
        # The owner.
        "shop": {"shop"},
    },
    "after": {
        "api": {"www-data", "monitoring"},
        "redis": {"shop", "monitoring", "backup"},
        "shop": {"shop", "www-data"},
    },
}
USERS = ("www-data", "shop", "monitoring", "backup", "intern", "nobody")

Matrix = dict[str, dict[str, str]]  # socket, user: "" or the name of the errno


def main(arguments: list[str]) -> int:
    """Do what the first argument says; return the exit status."""
    what, *options, file = arguments
    if what == "failure":
        print(*failures(results(file)), sep="\n")
        return 0
    if what == "audit":
        return audits(options[0], file)
    if what == "grants":
        print(*grants(converged(file)["sockets"]), sep="\n")
        return 0
    if what == "changes":
        return changes(converged(file), options)
    found = matrix(file)
    if what == "same" and not objections(found, options[0]):
        print("    who can connect is exactly as before")
        return 0
    print(table(found, Style.of_terminal()))
    return complain(objections(found, options[0])) if options else 0


def results(file: str) -> Iterator[dict[str, Any]]:
    """Yield the result of every task on every host, and of every item of a loop."""
    with open(file, encoding="utf-8") as opened:
        plays = json.load(opened)["plays"]
    for play in plays:
        for task in play["tasks"]:
            for result in task["hosts"].values():
                yield result
                yield from result.get("results", [])


def converged(file: str) -> dict[str, Any]:
    """Return the one result of the module socket_policy."""
    (result,) = (one for one in results(file) if "sockets" in one and "changes" in one)
    return result


def matrix(file: str) -> Matrix:
    """Return who could connect to what, from the results of socket_probe."""
    return {
        result["item"]["key"]: {
            one["principal"].removeprefix("user "): one["errno"] or ""
            for one in result["connections"]
        }
        for result in results(file)
        if "connections" in result
    }


class Style:
    """How a yes and a no look."""

    def __init__(self, *, utf8: bool, colours: bool) -> None:
        self.yes, self.no = ("✓", "✗") if utf8 else ("yes", "no")
        self.colours = colours

    @classmethod
    def of_terminal(cls) -> Style:
        """Return what standard output can show, by the locale of whoever looks at it."""
        locale = next(
            (os.environ[name] for name in ("LC_ALL", "LC_CTYPE", "LANG") if os.environ.get(name)),
            "C",
        )
        utf8 = locale.lower().replace("-", "").partition(".")[2].startswith("utf8")
        plain = "NO_COLOR" in os.environ or os.environ.get("TERM") == "dumb"
        return cls(utf8=utf8, colours=sys.stdout.isatty() and not plain)

    def cell(self, errno: str, width: int) -> str:
        """Return one answer, padded before it is coloured."""
        text = (f"{self.no} {errno}" if errno else self.yes).ljust(width)
        if not self.colours:
            return text
        return f"\033[{31 if errno else 32}m{text}\033[0m"


def table(found: Matrix, style: Style) -> str:
    """Return the matrix with a row for each user and a column for each socket."""
    users = list(next(iter(found.values())))
    first = max(map(len, users)) + 3
    width = max(len(f"{style.no} EACCES"), *map(len, found)) + 3
    lines = [" " * first + "".join(socket.ljust(width) for socket in found)]
    for user in users:
        cells = "".join(style.cell(answers[user], width) for answers in found.values())
        lines.append(user.ljust(first) + cells)
    return "\n".join(f"    {line.rstrip()}" for line in lines)


def expected(when: str) -> Matrix:
    """Return the matrix that the example promises."""
    return {
        socket: {user: "" if user in allowed else "EACCES" for user in USERS}
        for socket, allowed in EXPECTED[when].items()
    }


def objections(found: Matrix, when: str) -> list[str]:
    """Return a sentence for each answer that is not the promised one."""
    said = [
        f"{user} must be {'refused' if errno else 'let in'} at {socket} {when} the policy is "
        f"applied, but the kernel said: {found.get(socket, {}).get(user, 'nothing') or 'welcome'}."
        for socket, answers in expected(when).items()
        for user, errno in answers.items()
        if found.get(socket, {}).get(user) != errno
    ]
    if found.keys() != EXPECTED[when].keys():
        said.append(f"The sockets are {', '.join(found)}, not {', '.join(EXPECTED[when])}.")
    return said


def grants(sockets: dict[str, Any]) -> Iterator[str]:
    """Yield a block for each socket: every grant with its method and the reason for it."""
    width = min(shutil.get_terminal_size().columns, 110)
    every = [grant for one in sockets.values() for grant in one["grants"]]
    first = max(len(grant["principal"]) for grant in every) + 2
    second = max(len(grant["method"]) for grant in every) + 2
    for name, one in sockets.items():
        yield f"    {name}: {one['path']}"
        for grant in one["grants"]:
            start = f"      {grant['principal'].ljust(first)}{grant['method'].ljust(second)}"
            yield textwrap.fill(
                grant["reason"], width, initial_indent=start, subsequent_indent=" " * len(start)
            )
        for refused in one["refused"]:
            yield f"      {refused['principal'].ljust(first)}refused, whatever else lets it in"


def changes(result: dict[str, Any], options: list[str]) -> int:
    """Say what was changed and proven; complain where that is not what was expected."""
    sockets = result["sockets"].values()
    counted = len(result["changes"])
    if not counted:
        print("  Nothing was changed: the host is as it shall be.")
    else:
        print(f"  {counted} changes were made in one module run{'.' if options else ':'}")
    if counted and not options:
        print(textwrap.indent("\n".join(result["changes"]), "    "))
    proofs = [one["proof"] for socket in sockets for one in asked(socket) if one["proof"]]
    if proofs:
        refusals = sum(proof["expected"] == "refused" for proof in proofs)
        print(
            f"  {len(proofs)} real connections proved it: {len(proofs) - refusals} let in, "
            f"{refusals} refused."
        )
    said = [note for socket in sockets for note in socket["notes"]]
    said += [proof["message"] for proof in proofs if proof["held"] is not True]
    if options == ["changed"] and not counted:
        said.append("Nothing was changed, although this host had never seen the policy.")
    if options == ["unchanged"] and (counted or result["changed"]):
        said.append("A second run must change nothing, but it did.")
    if options:
        return complain(said)
    for sentence in said:
        print(f"  {sentence}")
    return 0


# Findings of an audit that say that a declaration is not in effect.
OF_THE_POLICY = {
    "inventory-drift",
    "drift",
    "hook-missing",
    "membership-missing",
    "declared-gone",
    "grant-failed",
    "refusal-failed",
}


def audits(before: str, after: str) -> int:
    """Count the findings of both audits; complain where the later one has some of the policy."""
    said = []
    for when, file in (("before", before), ("after", after)):
        with open(file, encoding="utf-8") as opened:
            (host,) = json.load(opened)["hosts"]
        found = host["findings"]
        counts = [
            f"{sum(one['severity'] == severity for one in found)} {severity}"
            for severity in ("high", "medium", "low")
        ]
        print(f"    {when.ljust(8)}{len(host['sockets'])} sockets, findings: {', '.join(counts)}")
        ids = {one["id"] for one in found}
        if when == "before" and not ids & OF_THE_POLICY:
            said.append("The first audit did not see that the policy is not in effect.")
        if when == "after":
            said += [one["message"] for one in found if one["id"] in OF_THE_POLICY]
        if host["state"] != "ok":
            said.append(f"The audit {when} could not see all of the host: {host['errors']}")
    return complain(said)


def asked(socket: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield everything about a socket that a connection can prove."""
    yield from (*socket["grants"], *socket["refused"], socket["others"])


def failures(every: Iterator[dict[str, Any]]) -> Iterator[str]:
    """Yield the messages of the tasks that failed."""
    for result in every:
        if (result.get("failed") or result.get("unreachable")) and "results" not in result:
            yield str(result.get("msg", result))


def complain(said: list[str]) -> int:
    """Print the objections; return the exit status."""
    for sentence in said:
        print(f"Error: {sentence}", file=sys.stderr)
    return 1 if said else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
