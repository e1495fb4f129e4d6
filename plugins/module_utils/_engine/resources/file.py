# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""A whole file that belongs to the collection: a compiled policy, a unit, a drop-in."""

from __future__ import annotations

import base64
import errno
import os
import stat
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

from ..errors import AccessError, Withheld
from ..faults import in_words
from ..host import atomic_file, theirs
from ..host.identity import acting_as
from ..host.inode import magic_link
from ..host.systemctl import Unanswered
from ..host.systemd import Manager
from ..model.account import User
from . import base

# Bytes; a policy has some thousands.
_LARGEST = 1 << 22


@dataclass(frozen=True)
class FileState:
    """The content, None where there is no file; ``missing`` directories are made for it.

    ``clean`` is False where a run that was killed left an unfinished file beside it, or an empty
    directory that it had made for it.
    """

    content: bytes | None
    mode: int = 0o644
    clean: bool = True
    missing: tuple[str, ...] = field(default=(), compare=False)


class ManagedFile(base.Resource[FileState, bytes]):
    """One file, replaced atomically; its directory is removed with it if it was made for it.

    ``manager`` reads the file, if it is a unit file; ``restarts`` is the unit to restart when it
    changed.  ``writer`` is the user with whose rights it is written, where that is not root.
    """

    def __init__(
        self,
        path: str,
        *,
        manager: Manager | None = None,
        restarts: str | None = None,
        writer: User | None = None,
        at_home: bool = True,
        made: Collection[str] = (),
        unflushed: atomic_file.Unflushed | None = None,
    ) -> None:
        """``made`` are directories that an earlier run made for files of ours.

        Not ``at_home``: the writer has no home directory, so that nothing can be written is not
        that user's doing.
        ``unflushed`` has those of all files of a run, which are flushed when these are settled.
        """
        self._made = made
        self._unflushed = atomic_file.Unflushed() if unflushed is None else unflushed
        self.path = path
        self.key = f"file:{path}" if writer is None else f"file@{writer.name}:{path}"
        self._manager = manager
        self._restarts = restarts
        self.makes_sockets = (restarts or "").endswith(".socket")
        self._writer = writer
        self._at_home = at_home
        self._written = False
        self._replaced = False

    def read(self) -> FileState | None:
        if self._writer is not None:
            return self._theirs()
        with self._rights():
            clean = not atomic_file.is_unfinished(self.path)
            try:
                status = os.lstat(self.path)
            except (FileNotFoundError, NotADirectoryError):
                missing = _missing_directories(self.path, self._made)
                clean = clean and not any(map(_is_empty, missing))
                return FileState(None, clean=clean, missing=missing)
            except OSError as error:
                raise _unread(self.path, error) from error
            content = _content(self.path)
        return FileState(content, status.st_mode & 0o7777, clean)

    def _theirs(self) -> FileState:
        """Return the same of a file below a user's own directories."""
        try:
            with self._rights(), theirs.directory(os.path.dirname(self.path)) as above:
                found, clean = None, True
                if above is not None:
                    found = theirs.status(self.path, above)
                    clean = theirs.status(f"{self.path}.new", above) is None
                if above is None or found is None:
                    missing = _missing_directories(self.path, self._made, theirs.is_directory)
                    clean = clean and not any(map(theirs.is_empty, missing))
                    return FileState(None, clean=clean, missing=missing)
                content = theirs.content(self.path, above, _LARGEST)
        except AccessError as error:
            raise self._refused(str(error)) from error
        except OSError as error:
            raise self._refused(str(_unread(self.path, error))) from error
        return FileState(content, found.st_mode & 0o7777, clean)

    def _refused(self, why: str) -> AccessError:
        """Return what a failure means: where it is the writer's own doing, no run fails by it."""
        if self._writer is None:
            return AccessError(why)
        if not self._at_home:
            home = f"Give user {self._writer.name} a home directory, or leave unit_user out."
            return AccessError(f"{why} {home}")
        return Withheld(
            f"{why} It is left as it is: nobody keeps a run from its end by what is in the hands of "
            f"user {self._writer.name}."
        )

    def wanted(self, base: FileState, requests: Mapping[str, bytes]) -> FileState:
        contents = set(requests.values())
        if len(contents) > 1:
            raise AccessError(
                f"{' and '.join(sorted(requests))} want different contents of {self.path}; "
                "give one of the two another name."
            )
        return FileState(contents.pop(), 0o644, missing=base.missing)

    def without_us(self, current: FileState, before: FileState, applied: FileState) -> FileState:
        """It is ours as a whole: whoever edits it nevertheless was told so in its first line."""
        return before

    def remembered(self, before: FileState, base: FileState) -> FileState:
        return before

    def write(self, target: FileState) -> None:
        current = self.read()
        if current == target:
            return
        try:
            with self._rights():
                self._write(target)
        except (AccessError, OSError) as error:
            with self._rights():
                self._remove_directories(() if current is None else current.missing)
            raise self._refused(f"{self.path} cannot be written: {in_words(error)}") from error
        self._written = True
        self._replaced = None not in (current and current.content, target.content)
        if self._manager is not None:
            self._manager.changed()

    def foresee(self) -> None:
        if self._writer is None:
            return
        try:
            with self._rights():
                theirs.may_write(self.path)
        except (AccessError, OSError) as error:
            raise self._refused(f"{self.path} cannot be written: {in_words(error)}") from error

    def _write(self, target: FileState) -> None:
        directory, name = os.path.split(self.path)
        if target.content is None:
            with self._place(directory) as place:
                if place is not None:
                    atomic_file.remove(f"{place}/{name}")
            self._remove_directories(target.missing)
            return
        if self._writer is None:
            os.makedirs(directory, mode=0o755, exist_ok=True)
        else:
            theirs.make(directory)
        with self._place(directory) as place:
            if place is None:
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), directory)
            # In a user's own directory nothing is opened with other rights than his.
            later = self._unflushed if self._writer is None else None
            atomic_file.replace(f"{place}/{name}", target.content, target.mode, later=later)

    @contextmanager
    def _place(self, directory: str) -> Iterator[str | None]:
        """Give a name of the directory that nobody can have lead elsewhere, None where it is gone."""
        if self._writer is None:
            yield directory
            return
        with theirs.directory(directory) as held:
            yield None if held is None else magic_link(held)

    def _remove_directories(self, directories: tuple[str, ...]) -> None:
        rmdir = os.rmdir if self._writer is None else theirs.rmdir
        for directory in directories:
            try:
                rmdir(directory)
            except (AccessError, OSError):
                # Gone already, or somebody else put something there.
                return

    def interrupted(self) -> None:
        self._written = True
        self._replaced = self._writer is not None or os.path.lexists(self.path)
        if self._manager is not None:
            self._manager.changed()

    def settle(self) -> None:
        self._unflushed.flush()
        if not self._written or self._manager is None:
            return
        restarts = self._restarts if self._replaced else None
        if not (restarts or self._manager.is_stale) or not self._manager.is_up():
            return
        try:
            self._manager.reload()
            if restarts is not None:
                self._manager.try_restart(restarts)
        except Unanswered:
            # The result says so. No user keeps a run from its end, be it to revoke, by not answering.
            return
        self._written = False

    def place(self, current: FileState, target: FileState) -> int:
        return base.FILES_GO if target.content is None else base.FILES_COME

    def in_words(self, state: FileState | None) -> str:
        if state is None or state.content is None:
            return f"{self.path}: no file\n"
        text = state.content.decode("utf-8", "replace")
        return f"{self.path}\n" + "".join(f"  {line}\n" for line in text.splitlines())

    def changes(self, current: FileState, target: FileState) -> list[str]:
        if current.content == target.content and current.mode == target.mode:
            return [f"What an interrupted run left beside {self.path} is removed."]
        if target.content is None:
            return [f"{self.path} is removed."]
        return [f"{self.path} is {'made' if current.content is None else 'replaced'}."]

    def state_to_json(self, state: FileState) -> Any:
        content = None if state.content is None else base64.b64encode(state.content).decode()
        return {"content": content, "mode": state.mode, "missing": list(state.missing)}

    def state_from_json(self, data: Any) -> FileState:
        content = data["content"]
        return FileState(
            None if content is None else base64.b64decode(content),
            data["mode"],
            missing=tuple(data["missing"]),
        )

    def request_to_json(self, request: bytes) -> Any:
        return base64.b64encode(request).decode()

    def request_from_json(self, data: Any) -> bytes:
        return base64.b64decode(data)

    def _rights(self) -> AbstractContextManager[None]:
        return nullcontext() if self._writer is None else acting_as(self._writer.credentials)


def _content(path: str) -> bytes:
    """Return the content of a file that is there, as far as it can be one of ours.

    Whatever is no regular file, or too large, is just another content: it is replaced.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):
            return b""
        raise _unread(path, error) from error
    try:
        return os.read(fd, _LARGEST) if stat.S_ISREG(os.fstat(fd).st_mode) else b""
    finally:
        os.close(fd)


def _unread(path: str, error: OSError) -> AccessError:
    return AccessError(
        f"{path} cannot be looked at: {error.strerror}; make its directory one that its owner can "
        "enter and read."
    )


def _missing_directories(
    path: str, made: Collection[str], is_there: Callable[[str], bool] = os.path.isdir
) -> tuple[str, ...]:
    """Return the directories that are there only for files of ours, the innermost first."""
    missing = []
    directory = os.path.dirname(path)
    while directory in made or not is_there(directory):
        missing.append(directory)
        directory = os.path.dirname(directory)
    return tuple(missing)


def _is_empty(directory: str) -> bool:
    try:
        with os.scandir(directory) as entries:
            return next(entries, None) is None
    except OSError:
        return False
