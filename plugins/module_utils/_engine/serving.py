# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""What makes the endpoints of proxies and gates on this host: which account, which program, which units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .endpoints import PROXY, Parts, Place, unit_of
from .host import socat
from .host.accounts import Accounts
from .host.listening import listener_at
from .keep import gate_units, proxy_units
from .keep.gate_rules import gate_rules
from .keep.parts import POLICIES, UNITS, KeptFile, start_at_boot
from .keep.proxy_units import PROXYD, SOCAT
from .methods import proxy
from .model.account import Credentials
from .model.chain import SOCKET, Chain
from .model.words import Names
from .survey import Surveyed


@dataclass(frozen=True)
class Served:
    """The files of one endpoint, and the unit to start."""

    files: tuple[KeptFile, ...]
    unit: str


@dataclass(frozen=True)
class _Texts:
    """The two units of an endpoint, and what else it needs."""

    socket: str
    service: str
    others: tuple[KeptFile, ...] = ()


class Serving:
    """The endpoints of one run; ``problems`` collects why one of them cannot be made."""

    def __init__(self, accounts: Accounts, names: Names, nobody: Credentials, *, check: bool):
        self.problems: list[str] = []
        self._accounts = accounts
        self._names = names
        self._nobody = nobody
        self._check = check
        self._socat: socat.Socat | None = None

    def serve(
        self, parts: Parts, place: Place, chain: Chain, source: Surveyed, own: Surveyed, ours: bool
    ) -> Served | None:
        """Return what makes one endpoint, or None where it cannot be made.

        ``chain`` leads to the socket as it will be; ``ours`` tells that an earlier run has made
        the endpoint, which is surveyed as ``own``.
        """
        self._check_place(place, own, ours)
        account = self._account(place, chain, source)
        made = self._made(parts, place, chain, source, account or proxy.Account())
        if account is None or made is None or self.problems:
            return None
        unit = unit_of(place)
        service = f"{unit.rpartition('.')[0]}.service"
        files = (
            KeptFile(f"{UNITS}/{unit}", made.socket, restarts=unit),
            KeptFile(f"{UNITS}/{service}", made.service, restarts=service),
            start_at_boot("sockets.target", unit),
            *made.others,
        )
        return Served(files, unit)

    def _made(
        self, parts: Parts, place: Place, chain: Chain, source: Surveyed, account: proxy.Account
    ) -> _Texts | None:
        type_ = parts.task.declared.type or _type_of(chain)
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
            max_connections=endpoint.max_connections or gate_units.GateUnits.max_connections,
        )
        rules = KeptFile(
            f"{POLICIES}/gates/{place.name}.json",
            gate_rules(place, type_, chain.resolved),
            unit_file=False,
        )
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
            engine == PROXYD or self._has_accept(place, source),
            max_connections=endpoint.max_connections or proxy_units.ProxyUnits.max_connections,
        )
        return _Texts(proxy_units.socket_unit(units), proxy_units.service_unit(units))

    def _check_place(self, place: Place, own: Surveyed, ours: bool) -> None:
        """An endpoint is made in a directory that is there, and takes nobody's place."""
        chain, at = own.facts.chain, place.endpoint.at
        if chain.missing is not None:
            directory = at.rpartition("/")[0] or "/"
            if chain.missing == chain.resolved:
                own.notes.clear()
            elif self._check:
                own.notes.clear()
                own.absentees.append(
                    f"The directory {directory} of the endpoint {at} does not exist yet; check "
                    "mode takes it that an earlier task will make it."
                )
            else:
                self.problems.append(
                    f"The directory {directory} of the endpoint {at} does not exist; make it "
                    "first, with the permissions that its clients need."
                )
        elif chain.leaf is not None and chain.leaf.kind == SOCKET and not ours:
            self.problems.append(
                f"There is a socket at {at} already, which does not come from this collection, so "
                "it is left as it is; write another path, or stop what made it and remove it."
            )

    def _account(self, place: Place, chain: Chain, source: Surveyed) -> proxy.Account | None:
        endpoint = place.endpoint
        run_as = None
        if endpoint.run_as is not None:
            run_as = self._accounts.user(endpoint.run_as)
            if run_as is None and not self._check:
                self.problems.append(
                    f"User {endpoint.run_as}, as whom the {place.method} at {endpoint.at} shall run, does "
                    "not exist on this host; create the user, or correct run_as."
                )
            if run_as is None:
                source.absentees.append(
                    f"User {endpoint.run_as}, as whom the {place.method} at {endpoint.at} shall run, does "
                    "not exist yet; check mode takes it that an earlier task will create it."
                )
                return proxy.Account(endpoint.run_as)
        demand = proxy.demand(endpoint, chain, run_as, self._nobody, self._names)
        self.problems += demand.problems
        source.notes += demand.notes
        return None if demand.problems else demand.account

    def _has_accept(self, place: Place, source: Surveyed) -> bool:
        """Tell whether this host's socat takes a listening descriptor; without one say so."""
        if self._socat is None:
            self._socat = socat.look()
        if self._socat is not None:
            return self._socat.native
        sentence = f"The proxy at {place.endpoint.at} needs socat, which is not installed"
        if self._check:
            source.absentees.append(
                f"{sentence} yet; check mode takes it that an earlier task will install it."
            )
        else:
            self.problems.append(
                f"{sentence}; install the package socat, or declare engine: systemd-socket-proxyd."
            )
        return True


def is_ours(place: Place, recorded: Sequence[str]) -> bool:
    """Tell whether the record says that an earlier run made this endpoint."""
    return f"unit:{unit_of(place)}" in recorded


def _type_of(chain: Chain) -> str:
    """Return the type of what listens at the end of a chain; a stream where nothing does."""
    leaf = chain.leaf
    found = None if leaf is None else listener_at(leaf.device, leaf.inode)
    return "stream" if found is None else found.type
