# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""The command ``socket-access`` of a managed host.

Its arguments are read here by hand: the hooks run it at every start of a daemon, and argparse would
take longer to load than all that they do.
"""

from __future__ import annotations

from ..errors import AccessError
from ..faults import in_words
from .output import Output

FINE, FAILED, WRONG = 0, 1, 2
# Of a question, that it cannot be answered: status 1 is an answer there.
_QUESTIONS = ("explain",)
_TYPES = ("--stream", "--seqpacket", "--dgram")

HELP = """\
socket-access applies and explains who may connect to the Unix sockets of this host.

  socket-access apply [NAME...]     put the policies of this host into effect once more
      --hook                        only the socket and the directories that lead to it
      --wait                        wait for the daemon to listen first, as long as is declared
      --watched                     go on until nothing changes any more; for the .path units
      --again                       once, unless the daemon fights back; for the second look
      --prove                       connect as everyone concerned afterwards
  socket-access status [NAME...]    say whether all is as declared; changes nothing
  socket-access explain PATH USER   say whether the user can connect, why not, and what would help
      --stream, --seqpacket, --dgram  the type of socket that the client asks for
      --prove                       connect as the user as well
  socket-access who PATH            say what is there, who is connected, and who can connect
  socket-access end NAME            (its timer) end the grants whose time is over
  socket-access unmount NAME        take a socket's bind mounts away before its daemon does
  socket-access gate NAME           (its unit) ask who is calling, and let those in who may
  socket-access accept              (its unit) start a socat for each connection of a proxy
      --json                        (status, explain, who) answer in JSON

The policies are in /etc/socket-access, one file for each NAME.
Exit status: 0 all is well, 1 something failed or is not as declared, 2 wrong usage; of explain:
0 the user can connect, 1 a new or a running process of the user is refused, 2 wrong usage, or the
question cannot be answered; of who: 0 there is a socket, whoever can connect, 1 there is none.
"""

_SWITCHES = {
    "apply": ("--hook", "--wait", "--watched", "--again", "--prove"),
    "status": ("--json",),
    "explain": ("--json", "--prove", *_TYPES),
    "who": ("--json",),
    "end": (),
    "unmount": (),
    "gate": (),
}
# How many words each takes at least, and at most if there is a limit.
_WORDS = {
    "apply": (0, None),
    "status": (0, None),
    "explain": (2, 2),
    "who": (1, 1),
    "end": (1, 1),
    "unmount": (1, 1),
    "gate": (1, 1),
}


class Usage(Exception):
    """Arguments that cannot be understood; the message is a sentence for a person."""


def main(arguments: list[str]) -> int:
    """Run the command and return its exit status."""
    if arguments[:1] == ["accept"]:
        # A server that stays, and so loads nothing that it does not need.
        from . import accept

        return accept.main(arguments[1:])
    output = Output()
    asked_for_help = {"--help", "-h"}.intersection(arguments)
    if not arguments or arguments[0] == "help" or asked_for_help:
        for line in HELP.splitlines():
            output.say(line)
        return FINE if arguments else WRONG
    try:
        verb, words, switches = parse(arguments)
    except Usage as error:
        output.problem("socket-access", f"{error} Try: socket-access --help")
        return WRONG
    try:
        return FINE if _run(verb, words, switches, output) else FAILED
    except BrokenPipeError:
        return FAILED
    except (AccessError, OSError) as error:
        output.problem("socket-access", in_words(error))
        return WRONG if verb in _QUESTIONS else FAILED


def parse(arguments: list[str]) -> tuple[str, list[str], set[str]]:
    """Return what to do, the words after it, and the switches; raises Usage."""
    verb, *rest = arguments
    if verb not in _SWITCHES:
        raise Usage(f"There is no {verb!r}; there are {', '.join(_SWITCHES)}.")
    words, switches, plain = [], set(), False
    for argument in rest:
        if plain or not argument.startswith("-"):
            words.append(argument)
        elif argument == "--":
            plain = True
        elif argument in _SWITCHES[verb]:
            switches.add(argument)
        else:
            known = ", ".join(_SWITCHES[verb]) or "none"
            raise Usage(f"{verb} has no option {argument!r}; it has {known}.")
    least, most = _WORDS[verb]
    if len(words) < least or (most is not None and len(words) > most):
        wanted = {"explain": "a path and a user", "who": "a path"}.get(verb, "a name")
        got = f"{len(words)} word{'s' * (len(words) != 1)}"
        raise Usage(f"{verb} takes {wanted}, and got {got}.")
    if len(switches.intersection(_TYPES)) > 1:
        raise Usage(f"{verb} takes one type of socket at a time.")
    return verb, words, switches


def _run(verb: str, words: list[str], switches: set[str], output: Output) -> bool:
    if verb == "gate":
        from . import gate_command

        return gate_command.run(words[0], output)
    if verb == "unmount":
        from . import unmount

        return unmount.run(words[0], output)
    if verb == "end":
        from . import end

        return end.run(words[0], output)
    from . import policies

    if verb == "apply":
        # The hooks wait for it, so nothing is loaded for the other verbs.
        from .apply import Wishes, apply

        wishes = Wishes(**{name[2:]: name in switches for name in _SWITCHES["apply"]})
        return apply(words or policies.names(), wishes, output)
    as_json = "--json" in switches
    if verb == "status":
        from . import status

        return status.show(status.states(words or policies.names()), output, as_json=as_json)
    from . import ask

    if verb == "explain":
        kind = next((one[2:] for one in _TYPES if one in switches), None)
        prove = "--prove" in switches
        return ask.explain(words[0], words[1], output, as_json=as_json, kind=kind, prove=prove)
    return ask.who(words[0], output, as_json=as_json)
