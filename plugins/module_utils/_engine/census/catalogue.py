# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Sockets that are known: those that are as good as root, and those that are open on purpose.

Names are paths with all links resolved, or abstract names after "@"; ``*`` stands for any text
(fnmatch(3)).  An entry counts only where root alone can have made the socket.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import NamedTuple


class Known(NamedTuple):
    """Sockets with such names, what makes them, and why they are in this list."""

    patterns: tuple[str, ...]
    what: str
    why: str


_CONTAINERS = "it starts containers with any rights and any of the host's files in them"
_MACHINES = "it starts machines with any of the host's files and devices in them"

# Whoever can use one of these can become root.
POWERFUL = (
    Known(("/run/docker.sock", "/run/balena-engine.sock"), "Docker", _CONTAINERS),
    Known(("/run/podman/podman.sock",), "root's Podman", _CONTAINERS),
    Known(
        (
            "/run/containerd/*.sock",
            "/run/containerd/*.sock.ttrpc",
            "/run/docker/containerd/*.sock",
            "/run/k3s/containerd/*.sock",
            "/run/containerd/s/*",
            "@/containerd-shim/*",
        ),
        "containerd",
        _CONTAINERS,
    ),
    Known(("/run/crio/*.sock",), "CRI-O", _CONTAINERS),
    Known(("/run/cri-dockerd.sock", "/run/dockershim.sock"), "the kubelet's Docker", _CONTAINERS),
    Known(("/run/buildkit/*.sock",), "BuildKit", "its builds may run with all of root's rights"),
    Known(
        (
            "/var/lib/lxd/unix.socket",
            "/var/snap/lxd/common/lxd/unix.socket",
            "/var/lib/incus/unix.socket",
            "/run/incus/unix.socket",
        ),
        "LXD or Incus",
        _CONTAINERS,
    ),
    Known(
        (
            "/run/libvirt/libvirt-sock",
            "/run/libvirt/virtqemud-sock",
            "/run/libvirt/virtlxcd-sock",
            "/run/libvirt/virtxend-sock",
            "/run/libvirt/virtstoraged-sock",
            "/run/libvirt/*-admin-sock",
            "/run/libvirt/virtproxyd-sock",
        ),
        "libvirt",
        _MACHINES,
    ),
    Known(("/run/systemd/private",), "systemd", "it starts any command as root"),
    Known(("/run/udev/control",), "udev", "it changes what udev runs as root"),
    Known(("/run/fail2ban/fail2ban.sock",), "Fail2ban", "it takes actions, which root runs"),
    Known(("/run/supervisor.sock",), "Supervisor", "it starts and stops root's programs"),
    Known(("/var/lib/kubelet/device-plugins/*.sock",), "the kubelet", "it gives devices away"),
)

_ASKS = "the daemon asks the kernel who is calling, and polkit or its own rules what that one may"
_FOR_ALL = "it is there for every program of the host"
_COOKIE = "the server asks for a key that only its user has"

# Everyone can connect, and that is how they are meant to be.
BY_DESIGN = (
    Known(
        (
            "/run/systemd/journal/dev-log",
            "/run/systemd/journal/socket",
            "/run/systemd/journal/stdout",
            "/run/systemd/journal/syslog",
            "/run/systemd/journal.*/socket",
            "/run/systemd/journal.*/stdout",
            "/dev/log",
            # Of daemons that chroot(2): Postfix, HAProxy, BIND.
            "/var/*/dev/log",
            "/run/rsyslog/*log",
        ),
        "system log",
        "every program may log; the kernel says who it was",
    ),
    Known(
        ("/run/systemd/notify",),
        "systemd's notifications",
        "systemd takes a message only from the processes of a unit that may notify it",
    ),
    Known(
        ("/run/dbus/system_bus_socket",),
        "D-Bus system bus",
        "the bus has a policy of its own for each service, by user",
    ),
    Known(
        (
            "/run/systemd/userdb/*",
            "/run/systemd/io.systemd.*",
            # The name that systemd 252 of Debian 12 has for it.
            "/run/systemd/io.system.ManagedOOM",
            "/run/systemd/*/io.systemd.*",
            "/run/systemd/resolve.hook/*",
            "/run/systemd/report/*",
        ),
        "systemd's services",
        _ASKS,
    ),
    Known(("/run/snapd.socket", "/run/snapd-snap.socket"), "snapd", _ASKS),
    Known(("/run/libvirt/*-sock-ro",), "libvirt, to look only", "it changes nothing"),
    Known(("/run/tailscale/tailscaled.sock",), "Tailscale", _ASKS),
    Known(("/run/pcscd/pcscd.comm",), "smart cards", _ASKS),
    Known(("/run/uuidd/request",), "UUIDs", _FOR_ALL),
    Known(("/run/nscd/socket", "/run/unscd/socket", "/run/nslcd/socket"), "names", _FOR_ALL),
    Known(("/var/lib/sss/pipes/*",), "SSSD", _FOR_ALL),
    Known(("/var/lib/gssproxy/*.sock", "/run/gssproxy*.sock"), "GSS-Proxy", _ASKS),
    Known(("/run/avahi-daemon/socket",), "names of the local network", _FOR_ALL),
    Known(("/run/rpcbind.sock",), "ports of RPC programs", _FOR_ALL),
    Known(("/run/cups/cups.sock",), "printing", "CUPS asks for a password where one is needed"),
    Known(
        (
            "/run/dovecot/auth-userdb",
            "/run/dovecot/dns-client",
            "/run/dovecot/imap-urlauth",
            "/run/dovecot/indexer",
            "/run/dovecot/lmtp",
        ),
        "Dovecot's own processes",
        "they run as the users whose mail it is; auth-userdb tells each of them of that user alone",
    ),
    Known(("/run/acpid.socket",), "events of buttons and power", "it takes no requests"),
    Known(("/run/spice-vdagentd/*",), "SPICE", "only the session at the screen is answered"),
    Known(("/run/pcp/pmcd.socket",), "measurements", "its own access rules decide"),
    Known(("/tmp/.X11-unix/X*", "@/tmp/.X11-unix/X*"), "X11", _COOKIE),
    Known(("/tmp/.ICE-unix/*", "@/tmp/.ICE-unix/*"), "X11 sessions", _COOKIE),
    Known(("@/tmp/dbus-*",), "a user's D-Bus", "the bus lets in its own user only"),
    Known(
        ("@/org/kernel/linux/storage/multipathd", "@ISCSIADM_ABSTRACT_NAMESPACE", "@ISCSID_UIP*"),
        "storage daemons",
        "the daemon asks the kernel who is calling, and does what root says only",
    ),
)

# Socket files at which nobody ever listens, on purpose.
DEAD_BY_DESIGN = (
    Known(
        ("/run/systemd/inaccessible/sock", "/run/user/*/systemd/inaccessible/sock"),
        "systemd",
        "it covers sockets that a unit shall not see (InaccessiblePaths=)",
    ),
)
# Directories in which everyone makes sockets, on purpose; they are sticky.
CROWDED_BY_DESIGN = ("/tmp/.X11-unix", "/tmp/.ICE-unix")


def known(name: str, catalogue: tuple[Known, ...]) -> Known | None:
    """Return the entry for a socket, or None."""
    for one in catalogue:
        if any(fnmatchcase(name, pattern) for pattern in one.patterns):
            return one
    return None
