# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""JMESPath over a report: questions, and what a pipeline insists on."""

from __future__ import annotations

import json
import typing as t
from collections.abc import Mapping, Sequence
from functools import partial

from .broken import broken_by
from .problem import ReportError

_LONGEST = 4000
_NEEDED = (
    "The Python package jmespath is missing on the controller, beside ansible-core; it evaluates "
    "{what}. Install it there: pip install jmespath, or the distribution's package "
    "python3-jmespath."
)


class Compiled(t.Protocol):
    """An expression that was read."""

    def search(self, value: t.Any) -> t.Any:
        """Return what the expression gives for a document of JSON's types."""


class AssertionProblem(t.NamedTuple):
    """An expression together with what is said where it does not hold."""

    that: str
    message: str
    expression: Compiled


def compiled(expression: t.Any, what: str, origin: str) -> Compiled:
    """Read one expression; ``what`` says in an error what it is for, ``origin`` where it stands."""
    if not isinstance(expression, str) or not expression.strip():
        raise ReportError(f"{origin}: {expression!r} is no JMESPath expression, but must be one.")
    try:
        # Only who asks a question needs it.
        import jmespath
        from jmespath.exceptions import JMESPathError
    except ImportError:
        raise ReportError(_NEEDED.format(what=what)) from None
    try:
        read: Compiled = jmespath.compile(str.__str__(expression))
    except JMESPathError as error:
        reason = "\n".join(str(error).splitlines())
        raise ReportError(
            f"{origin}: {expression!r} is no valid JMESPath expression: {reason}"
        ) from None
    _known_functions(getattr(read, "parsed", None), str(expression), origin)
    return read


def check(values: t.Any, origin: str) -> list[AssertionProblem]:
    """Read all assertions; raises ReportError with everything that is wrong with them."""
    found: list[AssertionProblem] = []
    wrong: list[str] = []
    if not isinstance(values, Sequence) or isinstance(values, (str, bytes)):
        raise ReportError(
            f"{origin} must be a list of dictionaries with the keys that and message."
        )
    for index, value in enumerate(values):
        here = f"{origin}[{index}]"
        if not isinstance(value, Mapping) or not {"that"} <= set(value) <= {"that", "message"}:
            wrong.append(f"{here}: it must have the key that, may have the key message, no other.")
            continue
        try:
            read = compiled(value["that"], "assertions", f"{here}.that")
        except ReportError as error:
            wrong.append(str(error))
            continue
        that = str.__str__(value["that"])
        message = str(value.get("message") or f"The report does not fulfil {that}")
        found.append(AssertionProblem(that, message, read))
    if wrong:
        raise ReportError("\n".join(dict.fromkeys(wrong)))
    return found


def judged(document: t.Any, assertions: Sequence[AssertionProblem]) -> list[dict[str, t.Any]]:
    """Return for each assertion whether it holds, and what its expression gave.

    What JMESPath calls false (null, false, and empty text, list or object) does not hold.
    """
    results = []
    for one in assertions:
        gave, error = None, None
        broken: list[str] = []
        try:
            gave = _search(one.expression, document)
        except ReportError as problem:
            error = str(problem)
            if "baseline" in one.that and document.get("baseline") is None:
                error += ". There is no baseline: name the report.json of an earlier audit."
        held = error is None and not _is_false(gave)
        if not held and error is None:
            broken = broken_by(document, partial(_breaks, one.expression))
        results.append(
            {
                "that": one.that,
                "message": one.message,
                "held": held,
                "gave": _short(gave),
                "error": error,
                "broken_by": broken,
            }
        )
    return results


def _breaks(expression: Compiled, document: t.Any) -> bool:
    try:
        return _is_false(_search(expression, document))
    except ReportError:
        return False


def _short(value: t.Any) -> t.Any:
    """Return a value as it is, or the beginning of its text: a part of a fleet's report is long."""
    text = json.dumps(value)
    return value if len(text) <= _LONGEST else f"{text[:_LONGEST]} ..."


def search(document: t.Any, expression: t.Any) -> t.Any:
    """Return what an expression gives; raises ReportError where it is wrong or does not fit."""
    read = compiled(expression, "the filter unixsocket.access.query", "unixsocket.access.query")
    return _search(read, document)


def _search(read: Compiled, document: t.Any) -> t.Any:
    from jmespath.exceptions import JMESPathError

    try:
        return read.search(document)
    except JMESPathError as error:
        said = str(error)
        raise ReportError(said if len(said) < 500 else f"{said[:500]} ...") from None


def _is_false(value: t.Any) -> bool:
    # A number is true in JMESPath, 0 included.
    return value is None or value is False or (not isinstance(value, (int, float)) and not value)


def _known_functions(tree: t.Any, expression: str, origin: str) -> None:
    """Refuse a function that does not exist, which jmespath itself notices only when it is met."""
    from jmespath.functions import Functions

    if not isinstance(tree, Mapping):
        return
    if tree.get("type") == "function_expression" and (
        tree["value"] not in Functions.FUNCTION_TABLE
    ):
        known = ", ".join(sorted(Functions.FUNCTION_TABLE))
        raise ReportError(
            f"{origin}: {expression!r} calls the function {tree['value']}(), which JMESPath does "
            f"not have; there are: {known}."
        )
    for child in tree.get("children") or ():
        _known_functions(child, expression, origin)
