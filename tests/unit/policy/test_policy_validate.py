# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every rule of the declaration: what is right, and what each mistake says."""

from __future__ import annotations

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.errors import AccessError
from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy import (
    Grant,
    Origins,
    PolicyError,
    Principal,
    Problem,
    SocketPolicy,
    validate,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy.problems import Place
from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy.values import mode

PATH = "/run/app/app.sock"


def app(**keys: object) -> dict[str, object]:
    """Return a declaration of one socket with these keys beside its path."""
    return {"app": {"path": PATH, **keys}}


def problems_of(declaration: object) -> tuple[Problem, ...]:
    """Return all problems of a declaration that must have some."""
    with pytest.raises(PolicyError) as caught:
        validate(declaration)
    return caught.value.problems


def the_problem(declaration: object) -> Problem:
    """Return the problem of a declaration that must have exactly one."""
    problems = problems_of(declaration)
    assert len(problems) == 1, [str(problem) for problem in problems]
    return problems[0]


def the_socket(declaration: object) -> SocketPolicy:
    """Return the one socket of a declaration without mistakes."""
    (socket,) = validate(declaration).sockets
    return socket


def test_everything_that_can_be_declared() -> None:
    """All keys at once become the types."""
    socket = the_socket(
        app(
            type="stream",
            owner="app",
            group=1000,
            mode="0660",
            allow=[
                {"user": "nginx", "restart_clients": True, "method": "group"},
                {"group": "monitoring", "method": "acl", "open_parents": ["/run/app", "/"]},
                {"user": 33},
            ],
            refuse=["nobody", 65533, {"user": "mail"}, {"group": "games"}],
            trust_directories=["/run/app"],
        )
    )
    assert socket == SocketPolicy(
        name="app",
        path=PATH,
        type="stream",
        owner="app",
        group="1000",
        mode=0o660,
        allow=(
            Grant(Principal("user", "nginx"), "group", (), True),
            Grant(Principal("group", "monitoring"), "acl", ("/run/app", "/")),
            Grant(Principal("user", "33")),
        ),
        refuse=(
            Principal("user", "nobody"),
            Principal("user", "65533"),
            Principal("user", "mail"),
            Principal("group", "games"),
        ),
        trust_directories=("/run/app",),
    )


def test_a_path_alone_is_enough() -> None:
    """Nothing else is required, and nothing else is made up."""
    assert the_socket(app()) == SocketPolicy("app", PATH)
    assert the_socket(app(allow=[], refuse=[])) == SocketPolicy("app", PATH)


def test_sockets_are_sorted_by_name() -> None:
    """The order of the declaration does not matter."""
    policy = validate({name: {"path": f"/run/{name}"} for name in ("b", "a", "c")})
    assert [socket.name for socket in policy.sockets] == ["a", "b", "c"]
    assert validate({}).sockets == ()


def test_principal_in_words() -> None:
    """Principals are named the same in every message."""
    assert str(Principal("user", "nginx")) == "user nginx"
    assert str(Principal("group", "monitoring")) == "group monitoring"


def test_problem_in_words() -> None:
    """A problem is one line that names the variable, the socket and the key."""
    problem = the_problem(app(mode="rw-rw----"))
    assert (problem.variable, problem.socket, problem.key) == (
        "socket_policy_sockets",
        "app",
        "mode",
    )
    line = str(problem)
    assert line.startswith("In socket_policy_sockets, socket app, key mode: ")
    assert line.endswith(".")
    assert "\n" not in line


def test_all_problems_at_once_in_a_familiar_error() -> None:
    """One error carries everything, one problem a line."""
    declaration = {
        "a": {"path": "run/a", "mode": 432},
        "b": {"allow": [{"user": ""}, {"group": "x", "method": "alc"}]},
    }
    with pytest.raises(AccessError) as caught:
        validate(declaration)
    lines = str(caught.value).splitlines()
    assert len(lines) == 5
    for part in (
        "socket a, key path:",
        "socket a, key mode:",
        "socket b, key path:",
        "socket b, key allow[0].user:",
        "socket b, key allow[1].method:",
    ):
        assert sum(part in line for line in lines) == 1


@pytest.mark.parametrize(
    ("declaration", "words"),
    [
        (None, "empty (null)"),
        ([], "a list"),
        ("app", "the text 'app'"),
        (True, "the boolean true"),
        (1.5, "the number 1.5"),
    ],
)
def test_the_declaration_is_a_dictionary(declaration: object, words: str) -> None:
    """Any other shape is named, with the way out."""
    problem = the_problem(declaration)
    assert (problem.variable, problem.socket, problem.key) == ("socket_policy_sockets", None, None)
    assert f"The value is {words}" in problem.message
    assert "{} for none" in problem.message


@pytest.mark.parametrize("name", ["a", "A9", "app.service", "a-b_c", "0", "x" * 64])
def test_good_names(name: str) -> None:
    """A name is a part of file and unit names."""
    assert the_socket({name: {"path": PATH}}).name == name


@pytest.mark.parametrize(
    "name", ["", ".", "..", "-a", "_a", "a/b", "a b", "a\n", "é", "a@b", "x" * 65, "a%i"]
)
def test_bad_names(name: str) -> None:
    """A name that cannot be a file name is shown and refused."""
    problem = the_problem({name: {"path": PATH}})
    assert repr(name) in problem.message
    assert "letters, digits, dots, dashes and underscores" in problem.message
    assert "\n" not in str(problem)


@pytest.mark.parametrize(
    ("name", "word"), [(1, "number 1"), (True, "boolean true"), (None, "null")]
)
def test_names_that_are_no_text(name: object, word: str) -> None:
    """YAML reads some names as something else."""
    message = the_problem({name: {"path": PATH}}).message
    assert word in message
    assert "quotes" in message


@pytest.mark.parametrize("value", [None, "x", [], 5, False])
def test_a_socket_is_a_dictionary(value: object) -> None:
    """A socket's value of another shape is refused with the way out."""
    problem = the_problem({"app": value})
    assert problem.socket == "app"
    assert "write a dictionary with at least the key path" in problem.message


@pytest.mark.parametrize(
    ("key", "right"),
    [
        ("alow", "allow"),
        ("Path", "path"),
        ("paths", "path"),
        ("onwer", "owner"),
        ("modes", "mode"),
        ("trust-directories", "trust_directories"),
        ("deny", "refuse"),
        ("permissions", "mode"),
        ("grants", "allow"),
    ],
)
def test_unknown_key_of_a_socket(key: str, right: str) -> None:
    """The nearest right key is offered, by spelling or by meaning."""
    problem = the_problem(app(**{key: "x"}))
    assert (problem.variable, problem.socket, problem.key) == ("socket_policy_sockets", "app", key)
    assert f"There is no key '{key}' here" in problem.message
    assert problem.message.endswith(f"Did you mean {right}?")


def test_unknown_key_without_a_likeness() -> None:
    """Where nothing is near, the keys are listed and nothing is guessed."""
    problem = the_problem(app(zzzz=1))
    assert "the keys are path, type, owner, group, mode, allow, refuse, trust_" in problem.message
    assert "Did you mean" not in problem.message


@pytest.mark.parametrize("key", ["user", "method", "open_parents", "restart_clients"])
def test_key_of_a_grant_at_the_socket(key: str) -> None:
    """A right key in the wrong place is sent to its place."""
    problem = the_problem(app(**{key: "x"}))
    assert problem.key == key
    assert "it belongs into an item of allow" in problem.message


@pytest.mark.parametrize("key", ["path", "mode", "owner", "refuse"])
def test_key_of_a_socket_in_a_grant(key: str) -> None:
    """And the other way round."""
    problem = the_problem(app(allow=[{"user": "x", key: "x"}]))
    assert problem.key == f"allow[0].{key}"
    assert "it belongs to the socket, beside allow" in problem.message


def test_key_that_is_no_text() -> None:
    """A key such as ``on:`` is the boolean true in YAML."""
    problem = the_problem({"app": {"path": PATH, True: "x"}})
    assert "A key is the boolean true" in problem.message


# The path.


@pytest.mark.parametrize(
    "path", ["/a", PATH, "/run/Ä b/ü.sock", "/" + "x" * 106, "/run/%n", "/..a/b.", "/run/@x"]
)
def test_good_paths(path: str) -> None:
    """Any absolute, normal path of at most 107 bytes is fine."""
    assert the_socket({"app": {"path": path}}).path == path


def test_path_is_required() -> None:
    """A socket without a path is nowhere."""
    problem = the_problem({"app": {"mode": "0660"}})
    assert problem.key == "path"
    assert "The key is missing; write the absolute path of the socket" in problem.message


@pytest.mark.parametrize("key", ["pth", "socket", "Path"])
def test_a_path_whose_key_is_misspelt_is_not_missing_as_well(key: str) -> None:
    problem = the_problem({"app": {key: PATH}})
    assert problem.key == key
    assert problem.message.endswith("Did you mean path?")


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("run/app.sock", "is not an absolute path"),
        ("~/app.sock", "is not an absolute path"),
        ("", "The text is empty"),
        (None, "empty (null)"),
        (5, "the number 5"),
        (["/run/x"], "a list"),
        ("/run//app.sock", "write '/run/app.sock'"),
        ("/run/./app.sock", "write '/run/app.sock'"),
        ("/run/x/../app.sock", "write '/run/app.sock'"),
        ("/../app.sock", "write '/app.sock'"),
        ("/run/app.sock/", "write '/run/app.sock'"),
        ("//run/app.sock", "write '/run/app.sock'"),
        ("/", "is the root directory"),
        ("@app", "abstract socket: it has no inode, so it has no permissions"),
        ("\0app", "abstract socket"),
        ("/run/a\0b", "control character '\\x00'"),
        ("/run/a\nb", "control character '\\n'"),
        ("/run/a\x9bb", "control character '\\x9b'"),
        ("/run/a\ud800b", "control character '\\ud800'"),
        ("/" + "x" * 107, "has 108 bytes"),
        ("/" + "ä" * 54, "has 109 bytes"),
    ],
)
def test_bad_paths(path: object, words: str) -> None:
    """Each bad path says what is wrong and what to write."""
    problem = the_problem({"app": {"path": path}})
    assert (problem.socket, problem.key) == ("app", "path")
    assert words in problem.message
    str(problem).encode("utf-8")


# Mode, type, owner, group.


@pytest.mark.parametrize(
    ("text", "bits"),
    [("0660", 0o660), ("660", 0o660), ("0o660", 0o660), ("0000", 0), ("0777", 0o777)],
)
def test_good_modes(text: str, bits: int) -> None:
    """A quoted octal text is the only form."""
    assert the_socket(app(mode=text)).mode == bits


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (432, 'put it in quotes, such as "0660"'),
        (0o600, 'put it in quotes, such as "0600"'),
        (644, 'put it in quotes, such as "0644"'),
        (0, 'put it in quotes, such as "0000"'),
        (9999, 'put it in quotes, such as "0660"'),
        (-1, 'put it in quotes, such as "0660"'),
        (True, "The mode is the boolean true"),
        (None, "empty (null)"),
        ("u=rw,g=rw", "octal digits in quotes"),
        ("rw-rw----", "octal digits in quotes"),
        ("0680", "octal digits in quotes"),
        ("66", "octal digits in quotes"),
        ("", "octal digits in quotes"),
        ("-660", "octal digits in quotes"),
        ("٦٦٠", "octal digits in quotes"),
        ("1660", "more than the permission bits 0000 to 0777"),
        ("0o4755", "more than the permission bits 0000 to 0777"),
    ],
)
def test_bad_modes(value: object, words: str) -> None:
    """A bare number says to quote it, and anything else shows the form."""
    problem = the_problem(app(mode=value))
    assert problem.key == "mode"
    assert words in problem.message


def test_the_advice_for_a_bare_mode_is_right() -> None:
    """What YAML made of an unquoted octal text leads back to that text."""
    for bits in range(0o1000):
        problem = the_problem(app(mode=bits))
        advice = problem.message.split('"')[1]
        assert mode(advice, Place(Origins(), "x")) == bits


@pytest.mark.parametrize("value", ["stream", "seqpacket", "dgram"])
def test_good_types(value: str) -> None:
    """Three kinds of sockets have a path."""
    assert the_socket(app(type=value)).type == value


@pytest.mark.parametrize(
    ("value", "near"),
    [
        ("STREAM", "stream"),
        ("streams", "stream"),
        ("seq_packet", "seqpacket"),
        ("dgrm", "dgram"),
    ],
)
def test_bad_types(value: str, near: str) -> None:
    """The nearest type is offered."""
    problem = the_problem(app(type=value))
    assert problem.key == "type"
    assert "use stream, seqpacket or dgram" in problem.message
    assert problem.message.endswith(f"Did you mean {near}?")


@pytest.mark.parametrize("key", ["owner", "group"])
@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("app", "app"),
        (0, "0"),
        (1000, "1000"),
        ("01000", "1000"),
        (2**32 - 2, "4294967294"),
        ("jo@example.org", "jo@example.org"),
        ("EXAMPLE\\jo", "EXAMPLE\\jo"),
        ("host$", "host$"),
    ],
)
def test_good_accounts(key: str, value: object, name: str) -> None:
    """Names, names of directory services, and numeric ids."""
    assert getattr(the_socket(app(**{key: value})), key) == name


@pytest.mark.parametrize("key", ["owner", "group", "allow", "refuse"])
@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("", "The text is empty"),
        ("a:b", "contains ':'"),
        ("a/b", "contains '/'"),
        ("a,b", "contains ','"),
        ("a b", "contains ' '"),
        ("a\u00a0b", "contains '\\xa0'"),
        ("a\x1bb", "contains '\\x1b'"),
        ("a\ud800", "contains '\\ud800'"),
        ("-a", "starts with a dash"),
        (-1, "not a numeric id"),
        (2**32 - 1, "not a numeric id"),
        ("4294967295", "not a numeric id"),
        pytest.param("9" * 5000, "not a numeric id", id="5000 digits in quotes"),
        pytest.param(10**5000, "not a numeric id", id="5001 digits"),
        (True, "boolean true"),
        (1.5, "number 1.5"),
        (None, "null"),
        ([], "a list"),
    ],
)
def test_bad_accounts(key: str, value: object, words: str) -> None:
    """The same rules hold wherever an account is named."""
    declared = {"allow": [{"user": value}], "refuse": [value]}.get(key, value)
    problem = the_problem(app(**{key: declared}))
    assert problem.key is not None
    assert problem.key.startswith(key)
    assert words in problem.message
    assert len(problem.message) < 500
    str(problem).encode("utf-8")


# Grants and refusals.


@pytest.mark.parametrize("key", ["allow", "refuse", "trust_directories"])
@pytest.mark.parametrize("value", [None, "nginx", {"user": "nginx"}, 5, True])
def test_lists_are_lists(key: str, value: object) -> None:
    """A single item instead of a list is refused with an example or the shape."""
    problem = the_problem(app(**{key: value}))
    assert problem.key == key
    assert "write a list of" in problem.message


@pytest.mark.parametrize("item", ["nginx", 33, None, ["nginx"], True])
def test_a_grant_is_a_dictionary(item: object) -> None:
    """``allow`` takes nothing but dictionaries, and shows one."""
    problem = the_problem(app(allow=[item]))
    assert problem.key == "allow[0]"
    example = item if isinstance(item, str) else "nginx"
    assert f"such as {{user: {example}}}" in problem.message


@pytest.mark.parametrize("key", ["allow", "refuse"])
@pytest.mark.parametrize(
    ("item", "words"),
    [({}, "neither user nor group"), ({"user": "a", "group": "b"}, "both user and group")],
)
def test_an_item_has_one_principal(key: str, item: object, words: str) -> None:
    """Exactly one of user and group."""
    problem = the_problem(app(**{key: [item]}))
    assert problem.key == f"{key}[0]"
    assert words in problem.message
    assert "exactly one" in problem.message


@pytest.mark.parametrize(
    ("key", "right"),
    [
        ("usr", "user"),
        ("users", "user"),
        ("groups", "group"),
        ("restart_client", "restart_clients"),
        ("open_parent", "open_parents"),
        ("methd", "method"),
    ],
)
def test_unknown_key_of_a_grant(key: str, right: str) -> None:
    """The nearest key of a grant is offered, and a misspelt principal is not missing, too."""
    principal = {} if right in ("user", "group") else {"user": "nginx"}
    problem = the_problem(app(allow=[{"user": "ok"}, {key: "x", **principal}]))
    assert problem.key == f"allow[1].{key}"
    assert problem.message.endswith(f"Did you mean {right}?")


def test_refuse_has_keys_of_its_own() -> None:
    """A refusal has no method."""
    problem = the_problem(app(refuse=[{"user": "x", "method": "acl"}]))
    assert problem.key == "refuse[0].method"
    assert "the keys are user and group" in problem.message


@pytest.mark.parametrize(("value", "near"), [("acls", "acl"), ("Group", "group"), ("atuo", "auto")])
def test_unknown_method(value: str, near: str) -> None:
    """The nearest method is offered."""
    problem = the_problem(app(allow=[{"user": "nginx", "method": value}]))
    assert problem.key == "allow[0].method"
    assert "use auto, group, acl, proxy, bind_mount or gate." in problem.message
    assert problem.message.endswith(f"Did you mean {near}?")


@pytest.mark.parametrize("value", ["", None, 5, ["acl"], "proxies", "bind-mount"])
def test_methods_of_no_kind(value: object) -> None:
    """What is no method of this version is refused with those that are."""
    problem = the_problem(app(allow=[{"user": "nginx", "method": value}]))
    assert problem.key == "allow[0].method"
    assert "auto, group, acl, proxy, bind_mount or gate" in problem.message


def test_equal_items_collapse() -> None:
    """The same said twice is said once, whatever its form."""
    socket = the_socket(
        app(
            allow=[{"user": 33}, {"user": "33", "method": "auto"}, {"user": "033"}],
            refuse=["a", {"user": "a"}, "a"],
            trust_directories=["/run", "/run"],
        )
    )
    assert socket.allow == (Grant(Principal("user", "33")),)
    assert socket.refuse == (Principal("user", "a"),)
    assert socket.trust_directories == ("/run",)


def test_one_principal_granted_differently() -> None:
    """Two grants for one principal that differ leave open which one holds."""
    problem = the_problem(
        app(allow=[{"user": "a"}, {"group": "a"}, {"user": "a", "method": "acl"}])
    )
    assert problem.key == "allow[2]"
    assert "The user a is granted here and in allow[0] with different keys" in problem.message


@pytest.mark.parametrize("kind", ["user", "group"])
def test_allowed_and_refused(kind: str) -> None:
    """Nobody is both."""
    problem = the_problem(app(allow=[{kind: "a"}], refuse=["z", {kind: "a"}]))
    assert problem.key == "allow[0]"
    assert f"The {kind} a is allowed here and refused in refuse[1]" in problem.message


def test_user_and_group_of_one_name_are_two() -> None:
    """A user may be refused while the group of the same name is allowed."""
    socket = the_socket(app(allow=[{"group": "a"}], refuse=["a"]))
    assert str(socket.allow[0].principal) == "group a"


def test_owner_is_not_granted() -> None:
    """The owner class decides for the owner."""
    problem = the_problem(app(owner="app", allow=[{"group": "app"}, {"user": "app"}]))
    assert problem.key == "allow[1]"
    assert "user app owns the socket" in problem.message
    assert "owner's bits" in problem.message


def test_owner_is_not_refused() -> None:
    """The owner can change the mode at any time."""
    problem = the_problem(app(owner=1000, refuse=["1000"]))
    assert problem.key == "refuse[0]"
    assert "user 1000 owns the socket and can always change its mode" in problem.message


@pytest.mark.parametrize("item", ["root", 0, "0", "00", {"user": "root"}, {"user": 0}])
def test_root_is_not_refused(item: object) -> None:
    """Root passes every check."""
    problem = the_problem(app(refuse=[item]))
    assert problem.key == "refuse[0]"
    assert "CAP_DAC_OVERRIDE" in problem.message


def test_the_group_root_may_be_refused() -> None:
    """Its members other than root are ordinary users."""
    assert the_socket(app(refuse=[{"group": "root"}])).refuse == (Principal("group", "root"),)


@pytest.mark.parametrize("method", ["auto", "group"])
@pytest.mark.parametrize("value", [True, "true", "yes", "True", "YES"])
def test_restart_clients(method: str, value: object) -> None:
    """A user who may get a new group can have his clients restarted."""
    socket = the_socket(app(allow=[{"user": "a", "method": method, "restart_clients": value}]))
    assert socket.allow[0].restart_clients is True


@pytest.mark.parametrize("value", [False, "false", "no", "No"])
def test_restart_clients_off_is_fine_everywhere(value: object) -> None:
    """What is off needs no sense."""
    socket = the_socket(app(allow=[{"group": "a", "restart_clients": value}]))
    assert socket.allow[0].restart_clients is False


@pytest.mark.parametrize("value", [1, 0, "1", "on", None, []])
def test_restart_clients_is_a_boolean(value: object) -> None:
    """Numbers and other words are refused."""
    problem = the_problem(app(allow=[{"user": "a", "restart_clients": value}]))
    assert problem.key == "allow[0].restart_clients"
    assert "write true or false" in problem.message


@pytest.mark.parametrize(
    ("grant", "words"),
    [
        ({"user": "a", "method": "acl"}, "for the user a with the method acl"),
        ({"group": "a"}, "for the group a"),
        ({"group": "a", "method": "acl"}, "for the group a"),
    ],
)
def test_restart_clients_without_use(grant: dict[str, object], words: str) -> None:
    """Where nobody gets a new group there is nothing to restart."""
    problem = the_problem(app(allow=[{**grant, "restart_clients": True}]))
    assert problem.key == "allow[0].restart_clients"
    assert f"restart_clients does nothing {words}" in problem.message
    assert "remove the key" in problem.message


@pytest.mark.parametrize("directory", ["/", "/run", "/run/app"])
def test_directories_above(directory: str) -> None:
    """Every directory above the socket can be named."""
    socket = the_socket(
        app(allow=[{"user": "a", "open_parents": [directory]}], trust_directories=[directory])
    )
    assert socket.allow[0].open_parents == (directory,)
    assert socket.trust_directories == (directory,)


@pytest.mark.parametrize(
    ("directory", "words"),
    [
        (PATH, "not a directory above the socket"),
        ("/run/ap", "name one of /run/app, /run, /, or remove it"),
        ("/var/run", "not a directory above the socket"),
        ("/run/app/", "write '/run/app'"),
        ("run", "not an absolute path"),
        ("", "The text is empty"),
        (5, "the number 5"),
        (None, "null"),
    ],
)
def test_directories_elsewhere(directory: object, words: str) -> None:
    """A directory that is not on the way is refused, in both keys."""
    problem = the_problem(app(allow=[{"user": "a", "open_parents": [directory]}]))
    assert problem.key is not None
    assert problem.key.startswith("allow[0].open_parents")
    assert words in problem.message
    problem = the_problem(app(trust_directories=[directory]))
    assert problem.key == "trust_directories[0]"
    assert words in problem.message


def test_open_parents_is_a_list() -> None:
    """One directory is a list of one."""
    problem = the_problem(app(allow=[{"user": "a", "open_parents": "/run"}]))
    assert problem.key == "allow[0].open_parents"
    assert "write a list of directories" in problem.message


def test_one_path_under_two_names() -> None:
    """The same path twice names both."""
    problem = the_problem({"b": {"path": PATH}, "a": {"path": PATH}})
    assert (problem.socket, problem.key) == ("a", "path")
    assert "under the name a and under the name b" in problem.message


def test_variable_of_a_door() -> None:
    """A door that has the declaration in an option of another name says so."""
    with pytest.raises(PolicyError, match=r"^In sockets, socket app, key path: "):
        validate({"app": {}}, Origins("sockets"))
