# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""What makes the endpoints of proxies and gates on this host: which account, which program, which units."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from .endpoints import Place, service_of, unit_of
from .errors import AccessError
from .faults import in_words
from .host import commands, socat
from .host.accounts import Accounts
from .host.listening import listener_at
from .host.pinned import walked
from .keep import gate_units, proxy_units
from .keep.gate_rules import GATES, forward_rules, serve_rules
from .keep.parts import UNITS, KeptFile, Served, start_at_boot
from .keep.proxy_units import PROXYD, PROXYD_PROGRAM, SOCAT
from .methods import proxy
from .model.account import ROOT, Credentials, User
from .model.chain import OTHER, SOCKET, Chain, Component
from .model.logins import to_be_made_first
from .model.words import Names, listed
from .policy import SocketPolicy
from .policy.endpoint_keys import PROXY
from .reach import other_writers, unsafe_step
from .reach.names import user_called
from .survey import Finder, Surveyed
from .task import Task

# Programs that run what their first file says.
_INTERPRETER = re.compile(
    r"(?:ba|da|k|z)?sh|(?:python|perl|ruby|node|php|lua)[0-9.]*|env|nice|nohup"
)


class _Texts(NamedTuple):
    """The two units of an endpoint, and what else it needs."""

    socket: str
    service: str
    others: tuple[KeptFile, ...] = ()


class Serving(Finder):
    """The endpoints of one run; ``problems`` collects why one of them cannot be made."""

    def __init__(self, accounts: Accounts, names: Names, nobody: Credentials, *, check: bool):
        super().__init__(check=check)
        self._accounts = accounts
        self._names = names
        self._nobody = nobody
        self._socat: socat.Socat | None = None

    def forward(
        self, place: Place, chain: Chain, source: Surveyed, own: Task, before: Task | None
    ) -> tuple[Served | None, Task]:
        """Return what passes on to a socket from one endpoint, None where that cannot be.

        ``chain`` leads to the socket as it will be.  ``own`` is the endpoint's task, which is
        returned with what was found, and ``before`` what an earlier run found: that holds while the
        socket is away.
        """
        if chain.leaf is not None:
            before = None
        account = self._account(place, chain, source, before)
        type_ = source.declared.type or (before and before.found_type) or _type_of(chain)
        groups = None if account is None else account.groups
        found = own._replace(found_type=type_, found_groups=groups)
        made = self._made(place, type_, chain, source, account or proxy.Account())
        return (None if account is None or made is None else _served(place, made)), found

    def command(self, place: Place, declared: SocketPolicy, own: Surveyed) -> Served | None:
        """Return what runs a command for each request, or None where that cannot be."""
        if declared.serve is None:
            return None
        user = self.known(declared.serve.user, f"the command of {declared.path} runs", own)
        for program in programs(declared.serve.command):
            self._check_program(declared, program, user, own)
        type_ = declared.type or "stream"
        gate = gate_units.GateUnits(
            place.name,
            declared.path,
            type_,
            user=declared.serve.user,
            max_connections=declared.serve.max_connections or gate_units.MAX_CONNECTIONS,
        )
        rules = _rules(place, serve_rules(place, type_, declared.serve))
        texts = _Texts(gate_units.socket_unit(gate), gate_units.service_unit(gate), (rules,))
        return _served(place, texts)

    def _check_program(
        self, declared: SocketPolicy, program: str, user: User | None, own: Surveyed
    ) -> None:
        """Nobody but root and the user himself may decide what is run as that user."""
        try:
            chain = walked(program)
        except (AccessError, OSError) as error:
            self.problems.append(f"The command {program} cannot be looked at: {in_words(error)}")
            return
        leaf = chain.leaf
        if leaf is None:
            sentence = (
                f"The command {program}, which shall answer at {declared.path}, does not exist"
            )
            self.lacks(own, sentence, "install", "install it first, or correct the path.")
            return
        if user is None:
            return
        why = unsafe_step(chain, owner=user.uid, trusted=(), members={}, names=self._names)
        why = why or self._in_other_hands(leaf, user)
        if why is not None:
            self.problems.append(
                f"The command {program} would run as {user.name} for whoever may ask at "
                f"{declared.path}, but others than root and {user.name} can replace it: {why} Give "
                "the program and its directories to root, and let nobody else write to them."
            )

    def _in_other_hands(self, leaf: Component, user: User) -> str | None:
        if leaf.kind != OTHER:
            return f"{leaf.path} is a {leaf.kind}."
        if leaf.access.uid not in (ROOT, user.uid):
            return f"{leaf.path} belongs to {user_called(leaf.access.uid, self._names)}."
        own = user_called(user.uid, self._names)
        writers = [one for one in other_writers(leaf, {}, self._names) if one != own]
        return f"{listed(writers)} may write to {leaf.path}." if writers else None

    def _made(
        self, place: Place, type_: str, chain: Chain, source: Surveyed, account: proxy.Account
    ) -> _Texts | None:
        if type_ == "dgram":
            self.problems.append(
                f"A dgram socket listens at {source.declared.path}, and a {place.method} cannot "
                "pass on datagrams, because their senders have no connection for an answer; use "
                "the method bind_mount, group or acl."
            )
            return None
        if place.method == PROXY:
            return self._proxy(place, type_, chain, source, account)
        endpoint = place.endpoint
        gate = gate_units.GateUnits(
            place.name,
            endpoint.at,
            type_,
            chain.resolved,
            account.user,
            account.groups,
            max_connections=endpoint.max_connections or gate_units.MAX_CONNECTIONS,
        )
        rules = _rules(place, forward_rules(place, type_, chain.resolved))
        return _Texts(gate_units.socket_unit(gate), gate_units.service_unit(gate), (rules,))

    def _proxy(
        self, place: Place, type_: str, chain: Chain, source: Surveyed, account: proxy.Account
    ) -> _Texts | None:
        endpoint = place.endpoint
        engine = endpoint.engine or SOCAT
        if engine == PROXYD and type_ != "stream":
            self.problems.append(
                f"A {type_} socket listens at {source.declared.path}, and systemd-socket-proxyd "
                "knows streams only; use the engine socat."
            )
            return None
        units = proxy_units.ProxyUnits(
            place.name,
            chain.resolved,
            endpoint.at,
            type_,
            engine,
            account.user,
            account.groups,
            self._accepts(place, source),
            max_connections=endpoint.max_connections or proxy_units.MAX_CONNECTIONS,
        )
        return _Texts(proxy_units.socket_unit(units), proxy_units.service_unit(units))

    def no_units(self, place: Place) -> None:
        """Refuse an endpoint on a host where nothing would run its units."""
        self.problems.append(
            f"The socket {place.endpoint.at} is made by units of systemd, which does not run "
            "on this host; use the method group or acl."
        )

    def check_place(self, place: Place, own: Surveyed, ours: bool) -> None:
        """An endpoint is made in a directory that is there, and takes nobody's place."""
        chain, at = own.facts.chain, place.endpoint.at
        if chain.missing is not None:
            directory = at.rpartition("/")[0] or "/"
            if chain.missing == chain.resolved:
                own.notes.clear()
            elif self._check:
                own.notes.clear()
                own.expect(f"The directory {directory} of the endpoint {at} does not exist", "make")
            else:
                self.problems.append(to_be_made_first(directory, at, chain.missing, self._names))
        elif chain.leaf is not None and chain.leaf.kind == SOCKET and not ours:
            self.problems.append(
                f"There is a socket at {at} already, which does not come from this collection, so "
                "it is left as it is; write another path, or stop what made it and remove it."
            )

    def _account(
        self, place: Place, chain: Chain, source: Surveyed, before: Task | None
    ) -> proxy.Account | None:
        endpoint = place.endpoint
        run_as = None
        if endpoint.run_as is not None:
            run_as = self.known(
                endpoint.run_as, f"the {place.method} at {endpoint.at} shall run", source
            )
            if run_as is None:
                return proxy.Account(endpoint.run_as) if self._check else None
        if run_as is None and before is not None and before.found_groups is not None:
            account = proxy.Account(groups=tuple(before.found_groups))
        else:
            demand = proxy.demand(place.method, endpoint, chain, run_as, self._nobody, self._names)
            self.problems += demand.problems if source.sure else ()
            source.notes += demand.notes
            if demand.problems:
                return None
            account = demand.account
        for gid in account.groups:
            if self.has_no_name(str(gid)):
                self.problems.append(
                    f"The group of the socket {source.declared.path} has the id {gid} and no name "
                    f"on this host, so the {place.method} at {endpoint.at} cannot run with it; "
                    "give the socket a group that exists, or declare run_as."
                )
                return None
        return account

    def has_no_name(self, gid: str) -> bool:
        """Tell whether systemd starts no service with this group (systemd.exec(5))."""
        group = self._accounts.group(gid)
        return group is None or not group.known

    def known(self, name: str, what: str, one: Surveyed) -> User | None:
        """Return the user ``name``, as whom ``what``; where nobody has the name, say so."""
        user = self._accounts.user(name)
        if user is not None:
            return user
        sentence = f"User {name}, as whom {what}, does not exist on this host"
        self.lacks(one, sentence, "create", "create the user, or correct the name.")
        return None

    def _accepts(self, place: Place, source: Surveyed) -> bool:
        """Tell whether this host's proxy takes a listening descriptor; without a program say so."""
        at = place.endpoint.at
        if place.endpoint.engine == PROXYD:
            if not commands.is_program(PROXYD_PROGRAM):
                lacks = f"The proxy at {at} needs {PROXYD_PROGRAM}, which is not there"
                self.lacks(source, lacks, "install", "declare engine: socat, or install it.")
            return True
        if self._socat is None:
            self._socat = socat.look()
        if self._socat is None:
            self.without_socat(at, source)
        return self._socat is None or self._socat.native

    def look_for(self, place: Place, one: Surveyed) -> None:
        """Tell of what an endpoint needs besides its socket, where that cannot be given on."""
        endpoint = place.endpoint
        if endpoint.run_as is not None:
            self.known(endpoint.run_as, f"the {place.method} at {endpoint.at} shall run", one)
        if place.method == PROXY:
            self._accepts(place, one)

    def without_socat(self, at: str, one: Surveyed) -> None:
        """Tell that the proxy at a path has no program on this host."""
        sentence = f"The proxy at {at} needs socat, which is not installed"
        way_out = "install the package socat, or declare engine: systemd-socket-proxyd."
        self.lacks(one, sentence, "install", way_out)


def programs(command: Sequence[str]) -> list[str]:
    """Return the files of a command that are run: the program, and the script of an interpreter."""
    script = next((word for word in command[1:] if word.startswith("/")), None)
    if script is None or not _INTERPRETER.fullmatch(command[0].rpartition("/")[2]):
        return [command[0]]
    return [command[0], script]


def _rules(place: Place, content: str) -> KeptFile:
    return KeptFile(f"{GATES}/{place.name}.json", content, unit_file=False)


def _served(place: Place, made: _Texts) -> Served:
    unit = unit_of(place)
    service = service_of(unit)
    files = (
        KeptFile(f"{UNITS}/{unit}", made.socket, restarts=unit),
        KeptFile(f"{UNITS}/{service}", made.service, restarts=service),
        start_at_boot("sockets.target", unit),
        *made.others,
    )
    return Served(files, unit, place.endpoint.at)


def _type_of(chain: Chain) -> str:
    """Return the type of what listens at the end of a chain; a stream where nothing does."""
    leaf = chain.leaf
    found = None if leaf is None else listener_at(leaf)
    return "stream" if found is None else found.type
