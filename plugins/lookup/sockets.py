# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: sockets
version_added: 1.0.0
author: unixsocket.access contributors (@unixsocket)
short_description: The declared sockets of a host, merged from its variables and checked
description:
  - Collects the variable C(socket_policy_sockets) and every variable whose name starts with
    C(socket_policy_sockets__) from the variables of the host, so that each inventory group can
    declare its own part.
  - The lists C(allow), C(refuse) and C(trust_directories) of one socket add up. Every other key
    must have the same value wherever it is declared.
  - The whole declaration is checked, and all mistakes are reported at once, each with the
    variable, the socket, the key and the way out. Nothing is asked of the managed host, so
    whether a user or a group exists is found out later, there.
notes:
  - The lookup takes no terms and no options.
  - The order of the variables is C(socket_policy_sockets) first, then the others by name.
  - Without any such variable the declaration is empty.
  - A variable that is declared, but empty, is an error, because an empty declaration may revoke
    what was granted before. Write V({}) for no sockets.
  - A variable may also be a text of JSON, as an INI inventory or a survey gives it.
seealso:
  - module: unixsocket.access.socket_policy
"""

EXAMPLES = r"""
---
# group_vars/all.yml declares the socket:
#
#   socket_policy_sockets:
#     app:
#       path: /run/app/app.sock
#       owner: app
#       mode: "0660"
#
# group_vars/web.yml adds who may connect on the hosts of the group web:
#
#   socket_policy_sockets__web:
#     app:
#       allow:
#         - user: nginx
#
- name: Show what is declared for each host
  ansible.builtin.debug:
    msg: "{{ lookup('unixsocket.access.sockets') }}"

- name: Put the declaration into effect
  unixsocket.access.socket_policy:
    sockets: "{{ lookup('unixsocket.access.sockets') }}"

- name: Count the declared sockets
  ansible.builtin.debug:
    msg: "{{ lookup('unixsocket.access.sockets') | length }} sockets are declared"
"""

RETURN = r"""
_raw:
  description:
    - A list with one dictionary, the declaration in its normal form, by the names of the sockets.
    - V(path), V(allow) and V(refuse) are always there, and V(method) in every grant. Other keys
      are there where they are declared. Numeric ids are strings, and modes have four octal digits.
  type: list
  elements: dict
  sample:
    - app:
        path: /run/app/app.sock
        owner: app
        mode: "0660"
        allow:
          - user: nginx
            method: auto
        refuse: []
"""

import json
import typing as t
from collections.abc import Mapping

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible.utils.display import Display

from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy import (
    MAIN_VARIABLE,
    PolicyError,
    Problem,
    describe,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy.nearest import show
from ansible_collections.unixsocket.access.plugins.plugin_utils._merge import (
    load,
    merge,
)

_PREFIX = f"{MAIN_VARIABLE}__"
_ALMOST = MAIN_VARIABLE[:-1]


class LookupModule(LookupBase):
    """The lookup C(unixsocket.access.sockets)."""

    def run(
        self,
        terms: list[t.Any],
        variables: Mapping[str, t.Any] | None = None,
        **kwargs: t.Any,
    ) -> list[dict[str, t.Any]]:
        """Return a list with the one declaration, or raise AnsibleLookupError with all problems."""
        # ansible-core 2.18 hands its own wantlist on when the lookup is used as with_.
        if terms or kwargs.keys() - {"wantlist"}:
            raise AnsibleLookupError(
                "The lookup unixsocket.access.sockets takes no terms and no options; it collects "
                f"{MAIN_VARIABLE} and every variable that starts with {_PREFIX} by itself."
            )
        fragments, failed = self._fragments(variables or {})
        try:
            if failed:
                # What a fragment would have added is not known, so only the merge can be judged.
                raise PolicyError([*failed, *merge(fragments).problems])
            return [describe(load(fragments))]
        except PolicyError as error:
            raise AnsibleLookupError(str(error)) from None

    def _fragments(self, variables: Mapping[str, t.Any]) -> tuple[dict[str, object], list[Problem]]:
        """Return the templated values by variable, and a problem for each that has none."""
        if self._templar is None:
            raise AssertionError("Ansible sets the templar before it runs a lookup")
        fragments: dict[str, object] = {}
        failed: list[Problem] = []
        for name in sorted(filter(_is_misspelled, variables)):
            meant = _PREFIX + name[len(_ALMOST) :].removeprefix("s").lstrip("_")
            Display().warning(
                f"The variable {name} is not a part of the declaration: that is {MAIN_VARIABLE}, "
                f"and what starts with {_PREFIX}, with two underscores. Did you mean "
                f"{meant if meant != _PREFIX else MAIN_VARIABLE}?"
            )
        omit = variables.get("omit")
        for name in sorted(variables):
            if name != MAIN_VARIABLE and not name.startswith(_PREFIX):
                continue
            try:
                # In a list, where what is omitted goes, whatever stands for it.
                value = _plain(self._templar.template([variables[name]]), omit)
            except Exception as error:  # a template runs filters and lookups of any kind
                reason = " ".join(str(error).split()).rstrip(".")
                message = f"The value cannot be templated: {reason}. Correct the expression."
                failed.append(Problem(name, None, None, message))
                continue
            try:
                for one in value:
                    fragments[name] = _of_json(one)
            except ValueError as error:
                failed.append(Problem(name, None, None, str(error)))
        return fragments, failed


def _is_misspelled(name: str) -> bool:
    """Tell whether somebody seems to have meant a part of the declaration by this variable."""
    return name.startswith(_ALMOST) and name != MAIN_VARIABLE and not name.startswith(_PREFIX)


def _of_json(value: object) -> object:
    """Return the dictionary that a text of JSON is, as Ansible does for an option of that type."""
    if not isinstance(value, str) or not value.lstrip().startswith("{"):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        raise ValueError(
            f"The value is the text {show(value)}, which is no whole JSON: -e NAME=VALUE ends at a "
            "space, and the line of a host in an INI inventory loses its quotes. Write it as "
            "-e '{\"NAME\": VALUE}', or in host_vars."
        ) from None


def _plain(value: object, omit: object) -> t.Any:
    """Return a copy of JSON's types only, without tags and lazy containers; what is omitted goes."""
    if isinstance(value, Mapping):
        return {
            _plain(key, omit): _plain(item, omit)
            for key, item in value.items()
            if not _is_omit(item, omit)
        }
    if isinstance(value, (list, tuple)):
        return [_plain(item, omit) for item in value if not _is_omit(item, omit)]
    if isinstance(value, str):
        return str.__str__(value)
    if getattr(value, "__ENCRYPTED__", False):
        # Until 2.18 what !vault makes is no str, and this is what deciphers it.
        return str(value)
    return value


def _is_omit(item: object, omit: object) -> bool:
    """Tell whether the item is Ansible's placeholder, a text until 2.18 and an object since."""
    return omit is not None and (item is omit or (isinstance(item, str) and item == omit))
