# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""What must hold for endpoints: the second paths that proxies and bind mounts make."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import cast

from .problems import Place, Problem, elsewhere
from .table import Item, Values
from .types import Endpoint, Grant


def endpoints(values: Values) -> list[tuple[Grant, Endpoint, Place]]:
    """Return the grants of one socket that have an endpoint, with it and the grant's place."""
    items = cast(list[Item], values.get("allow", []))
    grants = [(cast(Grant, item.value), item.place) for item in items]
    return [(grant, grant.endpoint, place) for grant, place in grants if grant.endpoint is not None]


def not_the_socket(values: Values, here: Place) -> Iterator[Problem]:
    """An endpoint is another path than the socket, and not one below or above it."""
    path = values.get("path")
    if not isinstance(path, str):
        return
    for dummy, endpoint, place in endpoints(values):
        if endpoint.at == path:
            yield place.at("at").problem(
                f"{path} is the socket itself; write another path, where the client finds it."
            )
        elif endpoint.at.startswith(f"{path}/") or path.startswith(f"{endpoint.at}/"):
            yield place.at("at").problem(
                f"{endpoint.at} and the socket {path} cannot both be there, because one lies below "
                "the other and a socket is no directory; write another path."
            )


def one_endpoint_alike(values: Values, here: Place) -> Iterator[Problem]:
    """Grants at the same path share one endpoint, and so everything that is said of it."""
    first: dict[str, tuple[Grant, Endpoint, Place]] = {}
    for grant, endpoint, place in endpoints(values):
        other, there, where = first.setdefault(endpoint.at, (grant, endpoint, place))
        if (other.method, there) != (grant.method, endpoint):
            yield place.problem(
                f"The endpoint {endpoint.at} is declared here and in {elsewhere(place, where)} with "
                "different keys; write the same keys in both, or another path in one of them."
            )


def fit_for_the_type(values: Values, here: Place) -> Iterator[Problem]:
    """Not every program passes on every type of socket."""
    type_ = values.get("type")
    for grant, endpoint, place in endpoints(values):
        if grant.method == "bind_mount":
            continue
        if grant.method == "auto" and type_ == "dgram":
            # The host chooses a bind mount, or says which key stands against it.
            continue
        if type_ == "dgram":
            yield place.at("method").problem(
                f"A {grant.method} cannot pass on datagrams, because their senders have no connection for "
                "an answer; use the method bind_mount, group or acl."
            )
        elif type_ == "seqpacket" and endpoint.engine == "systemd-socket-proxyd":
            yield place.at("engine").problem(
                "systemd-socket-proxyd passes on streams only (systemd-socket-proxyd(8)), and "
                "would lose the boundaries of messages; use the engine socat."
            )


def never_root(values: Values, here: Place) -> Iterator[Problem]:
    """A proxy with root's rights would lend them to whoever may connect to it."""
    for dummy, endpoint, place in endpoints(values):
        if endpoint.run_as in ("root", "0"):
            yield place.at("run_as").problem(
                "What passes connections on never runs as root, because everyone who may connect "
                "to it would act with root's rights; name an account that may connect to the "
                "socket, or leave the key out: then an account without a name gets just the group "
                "that the socket needs."
            )


def keys_together(values: Values, here: Place) -> Iterator[Problem]:
    """No key is there without what it needs."""
    for dummy, endpoint, place in endpoints(values):
        if endpoint.trust_mounter and endpoint.mount_as in (None, "root", "0"):
            yield place.at("trust_mounter").problem(
                "trust_mounter does nothing where root mounts; remove the key."
            )
        if bool(endpoint.client_unit) != bool(endpoint.client_environment):
            known, missing = "client_unit", "client_environment"
            if endpoint.client_environment:
                known, missing = missing, known
            yield place.at(known).problem(
                f"{known} does nothing without {missing}; write both, or neither."
            )


def opened_by_itself(values: Values, here: Place) -> Iterator[Problem]:
    """The directory of a bind mount is opened for its clients without being asked to."""
    for grant, endpoint, place in endpoints(values):
        if grant.method == "bind_mount" and grant.open_parents:
            yield place.at("open_parents").problem(
                f"open_parents does nothing with the method bind_mount: the directory of "
                f"{endpoint.at} is opened for its clients by itself, and those of the socket stay "
                "closed; remove the key, and choose a path below directories that all may search."
            )


def mounter_is_declared(values: Values, here: Place) -> Iterator[Problem]:
    """A user mounts in his own manager, and what is there to be mounted is in his hands.

    Measured with util-linux 2.38.1 and 2.41.5: ``mount TARGET`` of a user follows a link at the
    source of the line of fstab; that of 2.42.4 refuses it.
    """
    if "unit_user" in values.doubtful:
        return
    for grant, endpoint, place in endpoints(values):
        if grant.method in ("bind_mount", "auto") and endpoint.mount_as not in (None, "root", "0"):
            owner = values.get("unit_user")
            if owner is None:
                yield place.at("mount_as").problem(
                    "mount_as names a user who mounts in a manager of his own, so the unit that "
                    "makes the socket must be in that manager; declare unit and unit_user, or "
                    "mount_as: root."
                )
            elif owner != endpoint.mount_as:
                yield place.at("mount_as").problem(
                    f"The unit that makes the socket is in the manager of user {owner}, who alone "
                    f"can mount when it starts; declare mount_as: {owner}, or mount_as: root."
                )
            elif not endpoint.trust_mounter:
                yield place.at("mount_as").problem(
                    f"User {owner} can put a symbolic link in the place of the socket, and mount(8) "
                    "follows it with root's rights, so that any socket of the host could appear at "
                    f"{endpoint.at}. Declare mount_as: root, which mounts the socket itself, or "
                    "trust_mounter: true if this user may have that."
                )


ENDPOINT_RULES = (
    not_the_socket,
    one_endpoint_alike,
    fit_for_the_type,
    never_root,
    keys_together,
    opened_by_itself,
    mounter_is_declared,
)


def one_use_for_an_endpoint(
    ends: Sequence[tuple[str, str, Place]], paths: Mapping[str, tuple[str, Place]]
) -> Iterator[Problem]:
    """The path of an endpoint is no other socket's and no other endpoint's.

    ``ends`` are the names of sockets with their endpoints and places, ``paths`` maps the names of
    sockets to their own paths and places.
    """
    used = {path: f"the path of the socket {name}" for name, (path, dummy) in paths.items()}
    owner: dict[str, str] = {}
    for name, at, place in ends:
        if at in used and at != paths.get(name, ("",))[0]:
            yield place.problem(
                f"{at} is {used[at]} as well, so a proxy could end up passing on to itself; write "
                "another path."
            )
        elif owner.setdefault(at, name) != name:
            yield place.problem(
                f"{at} is an endpoint of the socket {owner[at]} as well; write another path."
            )
