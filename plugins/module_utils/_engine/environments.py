# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""What a hook in the unit that makes a socket would be given besides its command, and by whom.

systemd gives the environment of a service to each of its commands, those with root's rights ("+",
systemd.service(5)) included, and its root directory and its mounts as well.  With LD_PRELOAD= alone an
environment is a program (ld.so(8)), and a root directory brings its own.  So where somebody else writes
one of them, a hook with root's rights would be his.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator

from .errors import AccessError
from .host.pinned import walked
from .host.shown import Shown
from .keep.parts import Creator, NoHook
from .model.account import ROOT
from .model.acl import WRITE
from .model.chain import DIRECTORY, OTHER
from .reach import unsafe_step
from .task import Task

# glob(7), which EnvironmentFile= takes (systemd.exec(5)).
_PATTERN = re.compile(r"[*?\[]")
# By which a program loads what is not its own: those that ld.so(8) takes from a program with other
# rights than its caller's ("Secure-execution mode"), and those of libcrypto (openssl-env(7)).
_NAMES = r"(LD_[A-Z_]+|GCONV_PATH|LOCPATH|OPENSSL_[A-Z_]+)"
_LOADING = re.compile(_NAMES + r"=(.*)", re.DOTALL)
_IN_FILES = re.compile(r"^[ \t]*(?:export[ \t]+)?" + _NAMES + r"[ \t]*=([^\n]*)", re.MULTILINE)
# Lists of directories, in which an empty one is the directory in which the unit runs.
_SEARCHED = ("LD_LIBRARY_PATH", "GCONV_PATH", "LOCPATH")
_SEPARATOR = re.compile(r"[:;\s]")
# Bytes; one with variables has some hundreds.
_LARGEST = 1 << 20

_THEIRS = "a hook with root's rights in it would be theirs (LD_PRELOAD)"
_LET_ROOT = (
    "Let {} and the directories on the way belong to root, and let nobody else write to them."
)
# MariaDB of Debian has two, in the directory of its socket, for a cluster (Galera) alone.
_OR_LEAVE_OUT = (
    "Or, where the daemon does without such a file, take them all out of the unit: a drop-in of "
    "your own with a line EnvironmentFile= and nothing behind it."
)


def creator_shown(task: Task, unit: str, user: str | None, shown: Shown | None) -> Creator:
    """Return what is known of the unit that makes the socket of a task."""
    if shown is None:
        return Creator(unit, user)
    # In a user's own manager the hook has no more rights than that user.
    no_hook = without_hook_in(shown) if user is None else None
    sockets = max(1, len(shown.listens))
    return Creator(
        unit, user, sockets, task.unit_group, no_hook, shown.active, drop_ins=shown.drop_ins
    )


def without_hook_in(shown: Shown) -> NoHook | None:
    """Return why there must be no hook with root's rights in a unit, or None where there may be."""
    if shown.root:
        return NoHook(
            f"has the root directory {shown.root}, where systemd would look for a hook with root's "
            "rights as well",
            "Without RootDirectory= and RootImage= the unit gets one.",
        )
    file = in_other_hands(shown.environment_files)
    if file is not None:
        return NoHook(
            f"reads its environment from {file}, which others than root can write; {_THEIRS}",
            f"{_LET_ROOT.format('the file')} {_OR_LEAVE_OUT}",
        )
    if shown.mounted:
        # Loaded where it is needed: few units mount something.
        from .unit_mounts import covered

        point = covered(shown.mounted)
        if point is not None:
            return NoHook(
                f"mounts something at {point} for its commands, a hook with root's rights included, which "
                "would find its programs and settings there, or wherever that leads",
                "Let the unit mount it at a path that only root can turn, with nothing of the system "
                "in it.",
            )
    for name, value in _loading(shown):
        place = _not_roots(name, value)
        if place is not None:
            return NoHook(
                f"has {name}={value} in its environment, where {place or 'the directory it runs in'} is "
                f"not in the hands of root alone; {_THEIRS}",
                _LET_ROOT.format("that, what is in it,"),
            )
    return None


def _loading(shown: Shown) -> Iterator[tuple[str, str]]:
    """Yield the variables of a unit by which a program loads something, with their values."""
    import shlex

    try:
        words = shlex.split(shown.environment)
    except ValueError:
        # Not as systemctl shows it; what is found is looked at all the same.
        words = shown.environment.split()
    for word in words:
        found = _LOADING.fullmatch(word.lstrip("$"))
        if found is not None:
            yield found[1], found[2]
    for path in shown.environment_files:
        for one in _matching(path):
            for found in _IN_FILES.finditer(_text(one)):
                yield found[1], found[2].strip(" \t\"'")


def _text(path: str) -> str:
    """Return what a file of root's says, nothing where there is none."""
    try:
        with open(path, "rb") as file:
            return os.fsdecode(file.read(_LARGEST))
    except OSError:
        return ""


def _not_roots(name: str, value: str) -> str | None:
    """Return the first part of a variable's value that is not root's alone, or None."""
    for part in _SEPARATOR.split(value):
        # Without a slash it is the name of a library, or no path at all.
        if "/" not in part and name not in _SEARCHED:
            continue
        if not part.startswith("/") or re.search(r"[$\\\"']", part):
            # What it means is known where it is used alone.
            return part
        if _is_others(part, (OTHER, DIRECTORY)):
            return part
        for one in _inside(part):
            if _is_others(one, (OTHER, DIRECTORY)):
                return one
    return None


def _inside(directory: str) -> list[str]:
    try:
        return [os.path.join(directory, name) for name in os.listdir(directory)]
    except OSError:
        return []


def in_other_hands(paths: Iterable[str]) -> str | None:
    """Return the first of the files that somebody besides root could write or make, or None."""
    for path in paths:
        for one in _matching(path):
            if _is_others(one, (OTHER,)):
                return one
    return None


def _matching(path: str) -> Iterator[str]:
    """Yield the file; of a pattern, one that anybody might add, and then all that it matches."""
    found = _PATTERN.search(path)
    if found is None:
        yield path
        return
    import glob

    # What is in a directory is asked for only where it is not found to be somebody else's.
    yield os.path.join(os.path.dirname(path[: found.start()]), "?")
    yield from glob.iglob(path)


def _is_others(path: str, kinds: Iterable[str]) -> bool:
    try:
        chain = walked(path)
    except (AccessError, OSError):
        # What root cannot look at is not root's alone.
        return True
    leaf = chain.leaf
    if unsafe_step(chain, owner=ROOT) is not None:
        return True
    if leaf is None:
        return False
    access = leaf.access
    acl = access.acl
    groups = ((access.gid, acl.group_obj), *acl.groups)
    return (
        leaf.kind not in kinds
        or access.uid != ROOT
        or bool(acl.other & WRITE)
        or any(acl.masked(held) & WRITE and gid != ROOT for gid, held in groups)
        or any(acl.masked(held) & WRITE and uid != ROOT for uid, held in acl.users)
    )
