# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""What is mounted on an endpoint, in values and in words."""

from __future__ import annotations

from dataclasses import dataclass

from ..model.words import listed

ABSENT, CURRENT, STALE, FOREIGN = "absent", "current", "stale", "foreign"
# What each mount of ours has: it is of one socket, and gives on nothing else (mount(8)).
OPTIONS = ("nosuid", "nodev", "noexec")


@dataclass(frozen=True)
class MountState:
    """What is mounted: the socket as it is now, an earlier one, something else, or nothing.

    ``count`` is how many mounts there are, with those that lie on the socket's own name; ``by`` the
    user who mounted it, None for root.  ``lacks`` are those of ``OPTIONS`` that the mount of the
    socket does not have.
    """

    what: str = ABSENT
    count: int = 0
    by: str | None = None
    lacks: tuple[str, ...] = ()


def in_words(source: str, target: str, state: MountState) -> str:
    """Return the state as one line of a diff."""
    if not state.count:
        return f"{target}: nothing is mounted\n"
    shown = {
        ABSENT: f"{source} is mounted on itself",
        CURRENT: f"{source} is mounted",
        STALE: f"what is not {source} as it is now is mounted",
        FOREIGN: "something else is mounted",
    }[state.what]
    times = "" if state.count == 1 else f", {state.count} times"
    without = f", without {listed(list(state.lacks))}" if state.lacks else ""
    return f"{target}: {shown} by {state.by or 'root'}{times}{without}\n"


def changes(source: str, target: str, current: MountState, after: MountState) -> list[str]:
    """Return the difference as whole sentences."""
    said = []
    if current.what == ABSENT and current.count:
        said.append(
            f"{source} is mounted on itself, which keeps the daemon from making it anew; that is "
            "mended."
        )
        if after.what == ABSENT:
            return said
    elif current.count > 1:
        said.append(
            f"{target} is mounted {current.count} times, which keeps the daemon from "
            f"making {source} anew; that is mended."
        )
    if after.what == ABSENT:
        return [*said, f"{target} is unmounted."]
    whom = "root" if after.by is None else f"user {after.by}"
    if current.what == STALE:
        said.append(
            f"{target} does not show {source} as it is now (a stale mount); it is "
            f"unmounted, and mounted anew by {whom}."
        )
    elif current.what == CURRENT and current.lacks:
        said.append(
            f"{target} is mounted without {listed(list(current.lacks))}; it is unmounted, and mounted anew "
            f"by {whom}."
        )
    elif current.what == CURRENT and current.by != after.by:
        said.append(f"{target} is mounted by {whom} instead of {current.by or 'root'}.")
    elif current.what == ABSENT:
        said.append(f"{source} is mounted on {target} by {whom}.")
    return said


def already_there(source: str, target: str, state: MountState) -> str:
    """Return why a mount of which nothing is recorded is not taken over."""
    what = f"The socket {source}" if state.what == CURRENT else f"An earlier socket {source}"
    lacks = f" without {listed(list(state.lacks))}" if state.lacks else ""
    return (
        f"{what} is mounted on {target} already by {state.by or 'root'}{lacks}, which no run of this "
        "collection did, so it could neither be kept right when the daemon starts anew nor be left as it "
        f"was when the grant goes; unmount it first (umount {target}), or declare another path for "
        "the endpoint."
    )


def something_else(source: str, target: str, root: str) -> str:
    """Return why a mount of something else is neither hidden nor taken away."""
    return (
        f"{target} has something else mounted on it ({root} in its file system), which is not the "
        f"socket {source}; unmount that, or declare another path for the endpoint."
    )
