# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""What all doors share: options that they have in common, and how they answer.

A door documents, checks its arguments and calls the engine; of AnsibleModule only its name,
``params``, ``check_mode``, ``warn``, ``exit_json`` and ``fail_json`` are used.
"""

from __future__ import annotations

import hashlib
import re
import typing as t

from ._engine.errors import AccessError
from ._engine.faults import in_words
from ._engine.policy import Origins, PolicyError, Principal, SocketPolicy, validate
from ._engine.policy import principals as _principals
from ._engine.report import Result
from ._engine.run import converge
from ._engine.task import Options, Task

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Mapping, Sequence

    from ansible.module_utils.basic import AnsibleModule

    # Named here so that every module carries the whole engine, which installs itself on the host.
    from ._engine import probe as _probe  # noqa: F401
    from ._engine.runtime import command as _command  # noqa: F401

_KEYS = (
    "path",
    "type",
    "owner",
    "group",
    "mode",
    "trust_directories",
    "unit",
    "unit_user",
    "born",
    "strict",
    "deadline",
)
# What a terminal takes for an order (C0 and C1 of ECMA-48), lines that another character begins,
# what turns the order of letters (UAX #9), and what is no UTF-8.
_UNSHOWN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
# What may stand in texts of several lines, and in what a server answered, all the same.
_KEPT = {"msg": "\n", "before": "\n\t", "after": "\n\t", "content": "\n\t", "reply": "\n\t\r"}
# The place of another item of the declaration in a message about one.
_ITEM = re.compile(r"\b(?:allow|refuse)\[[0-9]+\](?:\.[a-z_]+)*")
_Answer = t.TypeVar("_Answer")
# As a text, the number that YAML makes of 0660 without quotes would be another mode.
MODE = {"type": "raw"}


def socket_options() -> dict[str, t.Any]:
    """Return the options of every module that manages one socket."""
    return {
        "path": {"type": "path", "required": True},
        "type": {"type": "str", "choices": ["stream", "seqpacket", "dgram"]},
        "owner": {"type": "str"},
        "group": {"type": "str"},
        "trust_directories": {"type": "list", "elements": "path", "default": []},
        "unit": {"type": "str"},
        "unit_user": {"type": "str"},
        "born": {"type": "bool", "default": False},
        "strict": {"type": "bool", "default": False},
        "deadline": {"type": "float"},
        **run_options(),
    }


def run_options() -> dict[str, t.Any]:
    """Return the options of every module that converges."""
    return {
        "prove": {"type": "bool", "default": True},
        "timeout": {"type": "float", "default": 5.0},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    }


def endpoint_options(types: Sequence[str]) -> dict[str, t.Any]:
    """Return the options of every module that gives a socket another path; ``types`` fit it."""
    return {
        "source": {"type": "path", "required": True},
        "path": {"type": "path", "required": True},
        "type": {"type": "str", "choices": list(types)},
        "users": {"type": "list", "elements": "str", "default": []},
        "groups": {"type": "list", "elements": "str", "default": []},
        "trust_directories": {"type": "list", "elements": "path", "default": []},
        "client_unit": {"type": "str"},
        "client_environment": {"type": "dict"},
        **run_options(),
    }


class Client(t.NamedTuple):
    """Somebody who connects at an endpoint, and the option that says so."""

    kind: str
    name: str
    option: str


def clients(module: AnsibleModule) -> list[Client]:
    """Return everyone whom the options users and groups name, each once."""
    found: dict[tuple[str, str], Client] = {}
    for kind, option in (("user", "users"), ("group", "groups")):
        for index, name in enumerate(module.params[option]):
            found.setdefault((kind, name), Client(kind, name, f"{option}[{index}]"))
    return list(found.values())


def gives(mode: object, bits: int) -> bool:
    """Tell whether a mode has the bits; one that is not given, or is none, is left to the engine."""
    try:
        return not isinstance(mode, str) or bool(int(mode, 8) & bits)
    except ValueError:
        return True


def one_endpoint(
    module: AnsibleModule,
    method: str,
    who: Sequence[Client],
    keys: Mapping[str, str],
    *,
    own: Sequence[str] = ("type", "trust_directories"),
    name: str | None = None,
    source: str = "source",
) -> SocketPolicy:
    """Check the options of a module as the declaration of a socket with one endpoint.

    ``keys`` maps those of a grant to the options that they come from, ``own`` are the options that
    are keys of the socket itself, and the option ``source`` is its path.  Ends the
    module with all problems, named by option.
    """
    params = module.params
    shared = {
        key: params[option] for key, option in keys.items() if params[option] not in (None, {})
    }
    allow = [{one.kind: one.name, "method": method, "at": params["path"], **shared} for one in who]
    called = {"path": source}
    for index, one in enumerate(who):
        grant = f"allow[{index}]"
        called[f"{grant}.{one.kind}"] = one.option
        called[f"{grant}.at"] = "path"
        called.update({f"{grant}.{key}": option for key, option in keys.items()})
        called[grant] = one.option
    declared = {"path": params[source], "allow": allow}
    return one_socket(module, declared, called, own=own, name=name)


def one_socket(
    module: AnsibleModule,
    keys: Mapping[str, t.Any],
    called: Mapping[str, str],
    *,
    own: Sequence[str] = _KEYS,
    name: str | None = None,
) -> SocketPolicy:
    """Check the options of a module as the declaration of one socket.

    ``keys`` are those of the declaration that are no options, and ``called`` gives the option that
    each of them comes from; ``own`` are the options that are keys.  Ends the module with all
    problems, named by option.
    """
    params = module.params
    options = {key: params[key] for key in own if params.get(key) is not None}
    name = name or _name(module._name, params["path"])
    try:
        return validate({name: {**options, **keys}}, Origins(default=module._name)).sockets[0]
    except PolicyError as error:
        lines = []
        for problem in error.problems:
            key = _option(problem.key or "", called)
            where = f"Option {key} of {params['path']}: " if key else f"{params['path']}: "
            said = _ITEM.sub(lambda found: _option(found[0], called), problem.message)
            lines.append(where + said)
        # What all grants share is wrong in each of them, and said once.
        fail(module, "\n".join(dict.fromkeys(lines)))


def _option(key: str, called: Mapping[str, str]) -> str:
    """Return the option that a key of the declaration comes from, with what follows it."""
    for known, option in called.items():
        if key == known or key.startswith((f"{known}[", f"{known}.")):
            return option + key[len(known) :]
    return key


def readable(path: str) -> str:
    """Return the last part of a path as it can be a part of file and unit names."""
    return re.sub(r"[^A-Za-z0-9_.-]", "_", path.rpartition("/")[2])[:32]


def marked(path: str) -> str:
    """Return a name for files and units that is one path's alone, the same every time."""
    return f"{readable(path).lstrip('._-')}-{_mark(path)}".lstrip("-")


def _name(module: str, path: str) -> str:
    """Return the name that files and units of one module's socket carry, the same every time."""
    return f"{module.rpartition('.')[2]}-{readable(path)}-{_mark(path)}"


def _mark(path: str) -> str:
    return hashlib.sha256(path.encode("utf-8", "surrogateescape")).hexdigest()[:8]


def principals(module: AnsibleModule, values: list[t.Any], option: str) -> list[Principal]:
    """Check a list of principals; ends the module with all problems."""
    try:
        return list(_principals(values, module._name, option))
    except PolicyError as error:
        lines = [f"Option {problem.key}: {problem.message}" for problem in error.problems]
        fail(module, "\n".join(lines))


def options(module: AnsibleModule) -> Options:
    """Return how the run is to go; a time in which nothing can be proven ends the module."""
    if not module.params["timeout"] > 0:
        fail(module, "Option timeout: it must be more than 0 seconds; 5 is the default.")
    return Options(
        check=module.check_mode,
        prove=module.params["prove"],
        absent=module.params["state"] == "absent",
        proof_seconds=module.params["timeout"],
    )


def run_one(module: AnsibleModule, task: Task, also: t.Collection[str] = ()) -> t.NoReturn:
    """Converge one socket and answer with what was done for it; ``also`` are keys that it has."""
    result = answer(module, lambda: converge([task], options(module)), _with_its_words)
    socket = result.sockets.get(task.declared.name)
    finish(module, result, {} if socket is None else {"socket": of_one(socket, also)})


def of_one(socket: Mapping[str, t.Any], also: t.Collection[str]) -> dict[str, t.Any]:
    """Return what a module of one socket says of it, without what only a declaration has."""
    left_out = {"ended", "endpoints"}.difference(also)
    told = {key: value for key, value in socket.items() if key not in left_out}
    told["grants"] = [
        {key: value for key, value in grant.items() if key != "expires"}
        for grant in socket["grants"]
    ]
    return told


def answer(
    module: AnsibleModule, work: t.Callable[[], _Answer], told: t.Callable[[str], str] = str
) -> _Answer:
    """Do the work; what the engine refuses ends the module with its sentences, as ``told`` makes them."""
    try:
        return work()
    except (AccessError, OSError) as error:
        fail(module, told(in_words(error)))


def _with_its_words(message: str) -> str:
    """Return a message with where its words belong, for a module whose options are others."""
    if " in the grant" not in message:
        return message
    return (
        f"{message} A grant is a client in a declaration of the socket, which the module "
        "unixsocket.access.socket_policy puts into effect."
    )


def fail(module: AnsibleModule, message: str, **details: t.Any) -> t.NoReturn:
    """End the module with what was refused or went wrong."""
    module.fail_json(**_visible({"msg": message, **details}))
    raise SystemExit(1)


def finish(module: AnsibleModule, result: Result, details: Mapping[str, t.Any]) -> t.NoReturn:
    """End the module with the result."""
    for warning in result.warnings:
        module.warn(_visible(warning))
    end(
        module,
        {"changed": result.changed, "changes": result.changes, "diff": result.diff, **details},
    )


def end(module: AnsibleModule, answer: Mapping[str, t.Any]) -> t.NoReturn:
    """End the module with an answer."""
    module.exit_json(**_visible(answer))
    raise SystemExit(0)


def _visible(value: t.Any, kept: str = "") -> t.Any:
    """Return a copy in which control characters are shown as \\x1b, and no UTF-8 as \\xff.

    Names on a host are any bytes, and anybody gives them.  Ansible prints messages, warnings and
    diffs as they are, and a controller refuses an answer whole in which something is not UTF-8 (its
    setting MODULE_STRICT_UTF8_RESPONSE).
    """
    if isinstance(value, str):
        return _UNSHOWN.sub(lambda found: _shown(found[0], kept), value)
    if isinstance(value, dict):
        return {_visible(key): _visible(item, _KEPT.get(key, "")) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_visible(item) for item in value]
    return value


def _shown(character: str, kept: str) -> str:
    if character in kept:
        return character
    # Python keeps a byte that is no UTF-8 as a lone surrogate, 0xdc00 above it (PEP 383).
    number = ord(character)
    if 0xDC80 <= number <= 0xDCFF:
        return f"\\x{number - 0xDC00:02x}"
    return character.encode("unicode_escape").decode("ascii")


__all__ = (
    "MODE",
    "Client",
    "Result",
    "SocketPolicy",
    "Task",
    "answer",
    "clients",
    "converge",
    "end",
    "endpoint_options",
    "fail",
    "finish",
    "gives",
    "marked",
    "of_one",
    "one_endpoint",
    "one_socket",
    "options",
    "principals",
    "readable",
    "run_one",
    "run_options",
    "socket_options",
)
