# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fragments add up, contradictions name both variables, and the order does not matter."""

from __future__ import annotations

import copy
from random import Random
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy import (
    PolicyError,
    describe,
)
from ansible_collections.unixsocket.access.plugins.plugin_utils._merge import (
    load,
    merge,
)

MAIN = "socket_policy_sockets"
WEB = "socket_policy_sockets__web"
DB = "socket_policy_sockets__db"


def lines_of(fragments: dict[str, Any]) -> list[str]:
    """Return the problems of fragments that must have some, a line each."""
    with pytest.raises(PolicyError) as caught:
        load(fragments)
    return str(caught.value).splitlines()


def the_line(fragments: dict[str, Any]) -> str:
    """Return the one problem of the fragments."""
    (line,) = lines_of(fragments)
    return line


def test_parts_of_a_socket_add_up() -> None:
    """Scalars come from anywhere, lists from everywhere, the main variable first."""
    fragments = {
        WEB: {"app": {"allow": [{"user": "www"}], "mode": "0660", "refuse": ["x"]}},
        DB: {"app": {"allow": [{"user": "db"}, {"user": "main"}], "refuse": ["x", "y"]}},
        MAIN: {"app": {"path": "/run/a", "allow": [{"user": "main"}]}, "other": {"path": "/run/o"}},
    }
    before = copy.deepcopy(fragments)
    merged = merge(fragments)
    assert merged.problems == ()
    assert merged.declaration == {
        "app": {
            "path": "/run/a",
            "allow": [{"user": "main"}, {"user": "db"}, {"user": "www"}],
            "mode": "0660",
            "refuse": ["x", "y"],
        },
        "other": {"path": "/run/o"},
    }
    assert fragments == before
    assert len(load(fragments).sockets) == 2


def test_trusted_directories_add_up() -> None:
    """All three lists do."""
    policy = load(
        {
            MAIN: {"app": {"path": "/run/x/a", "trust_directories": ["/run"]}},
            WEB: {"app": {"trust_directories": ["/run/x", "/run"]}},
        }
    )
    assert policy.sockets[0].trust_directories == ("/run", "/run/x")


def test_nothing_is_an_empty_policy() -> None:
    """No variable, no socket."""
    assert load({}).sockets == ()
    assert load({MAIN: {}, WEB: {}}).sockets == ()


@pytest.mark.parametrize(
    ("key", "first", "second"),
    [
        ("path", "/run/a", "/run/b"),
        ("mode", "0660", "0666"),
        ("type", "stream", "dgram"),
        ("owner", "app", "www"),
        ("group", 1, 2),
    ],
)
def test_two_values_for_one_key(key: str, first: object, second: object) -> None:
    """Both variables and both values are named."""
    fragments = {
        WEB: {"app": {"path": "/run/a", key: first}},
        "socket_policy_sockets__zoo": {"app": {key: second}},
    }
    line = the_line(fragments)
    assert line.startswith(f"In socket_policy_sockets__zoo, socket app, key {key}: ")
    assert f"The value is {second!r} here and {first!r} in {WEB};" in line


@pytest.mark.parametrize(
    ("key", "first", "second"),
    [("owner", 1000, "1000"), ("mode", "0660", "660"), ("path", "/run/a", "/run/a")],
)
def test_one_value_in_two_forms(key: str, first: object, second: object) -> None:
    """What means the same is the same."""
    load({MAIN: {"app": {"path": "/run/a", key: first}}, WEB: {"app": {key: second}}})


def test_a_wrong_value_beside_a_right_one() -> None:
    """The wrong one is the problem, wherever it is."""
    right, wrong = {"app": {"path": "/run/a", "mode": "0660"}}, {"app": {"mode": 432}}
    assert the_line({MAIN: right, WEB: wrong}).startswith(
        f"In {WEB}, socket app, key mode: The mode"
    )
    swapped = {MAIN: {**wrong, "b": {"path": "/run/b"}}, WEB: right}
    assert the_line(swapped).startswith(f"In {MAIN}, socket app, key mode: The mode is the number")


def test_unknown_key_with_two_values() -> None:
    """An unknown key is unknown, and it contradicts itself."""
    lines = lines_of({MAIN: {"app": {"path": "/run/a", "pth": 1}}, WEB: {"app": {"pth": True}}})
    assert len(lines) == 2
    assert lines[0].startswith(f"In {WEB}, socket app, key pth: The value is True here and 1 in")
    assert lines[1].startswith(f"In {MAIN}, socket app, key pth: There is no key 'pth' here")
    assert lines[1].endswith("Did you mean path?")


def test_one_principal_granted_differently_in_two_variables() -> None:
    """Both variables are named, each with the place in its own list."""
    line = the_line(
        {
            MAIN: {"app": {"path": "/run/a", "allow": [{"user": "x"}, {"user": "w"}]}},
            WEB: {"app": {"allow": [{"user": "x"}, {"user": "w", "method": "acl"}]}},
        }
    )
    assert line.startswith(
        f"In {WEB}, socket app, key allow[1]: The user w is granted here and in "
    )
    assert f"allow[1] of {MAIN} with different keys" in line


def test_one_endpoint_declared_differently_in_two_variables() -> None:
    """The variable is named in which the other one is, for its place alone is in both."""
    at = {"method": "gate", "at": "/run/e"}
    line = the_line(
        {
            MAIN: {"app": {"path": "/run/a", "allow": [{"user": "x", **at}]}},
            WEB: {"app": {"allow": [{"user": "w", **at, "run_as": "b"}]}},
        }
    )
    assert line.startswith(f"In {WEB}, socket app, key allow[0]: The endpoint /run/e is declared")
    assert f"allow[0] of {MAIN} with different keys" in line


def test_allowed_in_one_and_refused_in_another() -> None:
    """Both variables are named."""
    line = the_line(
        {
            MAIN: {"app": {"path": "/run/a", "refuse": ["w"]}},
            WEB: {"app": {"allow": [{"user": "w"}]}},
        }
    )
    assert line.startswith(f"In {WEB}, socket app, key allow[0]: ")
    assert f"refused in refuse[0] of {MAIN}" in line


def test_one_path_under_two_names_in_two_variables() -> None:
    """Both names and both variables are named."""
    line = the_line({MAIN: {"a": {"path": "/run/a"}}, WEB: {"b": {"path": "/run/a"}}})
    assert line.startswith(f"In {WEB}, socket b, key path: ")
    assert f"under the name b and under the name a in {MAIN}" in line


def test_a_problem_of_an_item_names_its_variable() -> None:
    """An item is counted in the list of its own variable."""
    line = the_line(
        {
            MAIN: {"app": {"path": "/run/a", "allow": [{"user": "a"}, {"user": "b"}]}},
            WEB: {"app": {"allow": [{"user": "a"}, {"usr": "c"}]}},
        }
    )
    assert line.startswith(f"In {WEB}, socket app, key allow[1].usr: ")
    assert line.endswith("Did you mean user?")


def test_a_missing_path_names_all_variables_of_the_socket() -> None:
    """Any of them could have it."""
    line = the_line({MAIN: {"app": {}}, WEB: {"app": {}}})
    assert line.startswith(f"In {MAIN} and {WEB}, socket app, key path: The key is missing")


@pytest.mark.parametrize("wrong", [None, [], "x", 5, True])
def test_wrong_shapes_are_problems(wrong: object) -> None:
    """A wrong shape anywhere is named with its variable, and the rest is still checked."""
    good = {"app": {"path": "/run/a"}, "b": {"mode": 1}}
    lines = lines_of({MAIN: good, WEB: wrong, DB: {"app": wrong}})
    assert any(line.startswith(f"In {WEB}: The value is ") for line in lines)
    assert any(line.startswith(f"In {DB}, socket app: The value is ") for line in lines)
    assert any(line.startswith(f"In {MAIN}, socket b, key mode: ") for line in lines)
    assert any(line.startswith(f"In {MAIN}, socket b, key path: ") for line in lines)
    assert len(lines) == 4


def test_list_of_a_wrong_shape() -> None:
    """A list that is none is named with its variable and does not hide the others."""
    lines = lines_of(
        {
            MAIN: {"app": {"path": "/run/a", "allow": [{"user": "-x"}]}},
            WEB: {"app": {"allow": {"user": "y"}}},
        }
    )
    assert len(lines) == 2
    assert lines[0].startswith(f"In {WEB}, socket app, key allow: The value is a dictionary")
    assert lines[1].startswith(f"In {MAIN}, socket app, key allow[0].user: ")


def test_numbers_and_booleans_are_not_the_same() -> None:
    """Python says 1 == True, so items need a stricter comparison."""
    merged = merge({MAIN: {"app": {"refuse": [1, True, 1.0, "1", 1]}}})
    assert merged.declaration == {"app": {"refuse": [1, True, 1.0, "1"]}}
    refused = merged.declaration["app"]
    assert isinstance(refused, dict)
    assert [type(item) for item in refused["refuse"]] == [int, bool, float, str]


def test_a_name_that_is_no_text() -> None:
    """It reaches the validation, which refuses it."""
    (line,) = lines_of({WEB: {5: {"path": "/run/a"}}})
    assert "The name of a socket is the number 5" in line


NAMES = st.sampled_from(["a", "b", "c", "d", 7])
PRINCIPALS = st.one_of(
    st.fixed_dictionaries({"user": NAMES}), st.fixed_dictionaries({"group": NAMES})
)
GRANTS = st.lists(PRINCIPALS, max_size=4)
PARTS = st.fixed_dictionaries(
    {}, optional={"allow": GRANTS, "refuse": GRANTS, "mode": st.sampled_from(["0660", "0600"])}
)
FRAGMENT = st.dictionaries(st.sampled_from(["app", "web", "db"]), PARTS, max_size=3)
VARIABLES = st.sampled_from([MAIN, WEB, DB, f"{MAIN}__z"])
FRAGMENTS = st.dictionaries(VARIABLES, FRAGMENT, max_size=4)


def as_sets(declaration: object) -> object:
    """Return a declaration without the order of its lists."""
    assert isinstance(declaration, dict)
    return {
        name: {
            key: sorted(map(repr, value)) if isinstance(value, list) else value
            for key, value in keys.items()
        }
        for name, keys in declaration.items()
    }


@given(FRAGMENTS, st.randoms(use_true_random=False))
def test_the_order_of_the_variables_does_not_matter(
    fragments: dict[str, Any], random: Random
) -> None:
    """Ansible gives variables in any order."""
    names = list(fragments)
    random.shuffle(names)
    assert merge({name: fragments[name] for name in names}) == merge(fragments)


@given(FRAGMENTS)
def test_the_names_of_the_variables_matter_to_the_order_of_lists_only(
    fragments: dict[str, Any],
) -> None:
    """Renaming variables changes who is first, and nothing else, where nothing contradicts."""
    merged = merge(fragments)
    renamed = merge(
        {f"{MAIN}__{9 - n}": fragments[name] for n, name in enumerate(sorted(fragments))}
    )
    if not merged.problems:
        assert as_sets(renamed.declaration) == as_sets(merged.declaration)
    assert len(renamed.problems) == len(merged.problems) or merged.problems


@given(FRAGMENTS)
def test_merging_again_changes_nothing(fragments: dict[str, Any]) -> None:
    """The result is a fragment, and beside itself it is still itself."""
    once = merge(fragments)
    assert merge({MAIN: once.declaration}).declaration == once.declaration
    twice = merge({MAIN: once.declaration, WEB: once.declaration})
    assert twice.declaration == once.declaration
    assert twice.problems == ()


@given(FRAGMENTS)
def test_a_part_may_be_split_over_variables(fragments: dict[str, Any]) -> None:
    """Merging in two steps is merging in one, up to the order of lists."""
    whole = merge(fragments)
    first = {name: value for name, value in fragments.items() if name in (MAIN, DB)}
    second = {name: value for name, value in fragments.items() if name not in first}
    stepwise = merge({MAIN: merge(first).declaration, WEB: merge(second).declaration})
    if not whole.problems:
        assert as_sets(stepwise.declaration) == as_sets(whole.declaration)


@given(FRAGMENTS)
def test_origins_lead_back(fragments: dict[str, Any]) -> None:
    """Every item of the result is found where its origin says."""
    merged = merge(fragments)
    for (name, key, index), (variable, own) in merged.origins.items.items():
        socket: Any = merged.declaration[name]
        assert socket[key][index] == fragments[variable][name][key][own]


@given(FRAGMENTS)
def test_a_policy_loads_from_its_description(fragments: dict[str, Any]) -> None:
    """What loads, loads again from the normal form."""
    for name in ("app", "web", "db"):
        fragments.setdefault(MAIN, {}).setdefault(name, {})["path"] = f"/run/{name}"
    try:
        policy = load(fragments)
    except PolicyError:
        assume(False)
    assert load({WEB: describe(policy)}) == policy
