# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""The engine on this host: its own sources, from wherever they run, put in their place.

A module carries the whole engine, so what it installs is what runs in it, and a host never has
another version than the collection that manages it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from ..errors import AccessError
from ..shortcut import LIBRARY, MANIFEST, PACKAGE, line
from . import atomic_file
from .exchange import exchange
from .sources import sources

COMMAND = "/usr/local/sbin/socket-access"
# What the command remembers until the host is started anew.
MEMORY = "/run/socket-access"
_MANAGED = "# Managed by the Ansible collection unixsocket.access; do not edit."
_USUAL_PYTHON = "/usr/bin/python3"

# Isolated from the environment and the caller's directory (-I), and without the packages of other
# people (-S).  An engine that is replaced while it is being loaded is loaded once more.
_COMMAND = """\
#!{python} -IS
{managed}
import os
import sys

LIBRARY = {library!r}


def version():
    try:
        with open(os.path.join(LIBRARY, "VERSION"), encoding="ascii") as file:
            return file.read()
    except OSError:
        return ""


before = version()
problem = None
sys.path.insert(0, LIBRARY)
try:
    from {package}.runtime.command import main
except Exception as error:
    problem = error
if version() != before:
    os.execv(__file__, [__file__, *sys.argv[1:]])
if problem is not None:
    sys.exit(f"socket-access cannot run ({{problem}}); run the playbook that installed it again.")
sys.exit(main(sys.argv[1:]))
"""


@dataclass(frozen=True)
class Engine:
    """An engine as files: the sources by their name in the package, and the command."""

    sources: Mapping[str, bytes]
    command: bytes

    @property
    def version(self) -> str:
        """A short name for exactly this engine: the beginning of the SHA-256 of all it is made of.

        It says nothing about trust, it only tells one engine from another.
        """
        import hashlib

        total = hashlib.sha256(self.command)
        for name in sorted(self.sources):
            content = self.sources[name]
            total.update(f"\n{name} {len(content)}\n".encode())
            total.update(content)
        return total.hexdigest()[:16]


@lru_cache(maxsize=1)
def own() -> Engine:
    """Return the engine that is running, wherever it was loaded from (a zip, a checkout, a host)."""
    return Engine(sources(), command())


@lru_cache(maxsize=1)
def version() -> str:
    """Return the version of the engine that is running."""
    return own().version


def command(library: str = LIBRARY) -> bytes:
    """Return the command, for the interpreter that is running."""
    return _COMMAND.format(
        python=_interpreter(), managed=_MANAGED, library=library, package=PACKAGE
    ).encode()


def _interpreter() -> str:
    """Return a name that stays when the interpreter gets its next version, if there is one."""
    running = sys.executable
    try:
        if not running or os.path.samefile(running, _USUAL_PYTHON):
            return _USUAL_PYTHON
    except OSError:
        pass
    if any(letter.isspace() for letter in running) or len(running) > 200:
        # The kernel could not run it from the first line of a file (execve(2)).
        return _USUAL_PYTHON
    return running


class Place:
    """Where a host keeps the engine; both are in directories that only root writes to."""

    def __init__(
        self, library: str = LIBRARY, command: str = COMMAND, memory: str = MEMORY
    ) -> None:
        self.library = library
        self.command = command
        self._memory = memory
        directory, name = os.path.split(library)
        self._beside = f"{directory}/.{name}.new"

    def check_ours(self) -> None:
        """Raise AccessError that names what is in the way and does not come from us."""
        for path, marked in ((self.library, f"{self.library}/VERSION"), (self.command,) * 2):
            if not os.path.lexists(path):
                continue
            content = None
            if not os.path.islink(path) and os.path.isfile(marked):
                content = atomic_file.read(marked)
            if content is None or _MANAGED.encode() not in content.split(b"\n")[:2]:
                raise AccessError(
                    f"{path} is there already and does not come from the collection "
                    "unixsocket.access, so it is left as it is and nothing was changed; move it "
                    "away and run again."
                )

    def read(self) -> Engine | None:
        """Return the engine that is really there, or None where none of its parts is."""
        files = {}
        root = os.path.join(self.library, PACKAGE)
        for directory, dummy, names in os.walk(root):
            for name in names:
                path = os.path.join(directory, name)
                if not name.endswith(".pyc"):
                    files[os.path.relpath(path, root)] = atomic_file.read(path) or b""
        command = atomic_file.read(self.command)
        if not files and command is None and not os.path.lexists(self.library):
            return None
        return Engine(files, command or b"")

    def interrupted(self) -> bool:
        """Tell whether a run that was killed left something beside the engine."""
        left = (self._beside, f"{self._beside}.aside", f"{self.command}.new")
        return any(map(os.path.lexists, left))

    def missing_directories(self) -> tuple[str, ...]:
        """Return the directories that must be made for it, the innermost first."""
        missing: list[str] = []
        for path in (self.library, self.command):
            directory = os.path.dirname(path)
            while not os.path.isdir(directory) and directory not in missing:
                missing.append(directory)
                directory = os.path.dirname(directory)
        return tuple(missing)

    def install(self, engine: Engine) -> None:
        """Put an engine in its place, so that at any moment a whole one is there.

        Raises AccessError for something that is in the way, and OSError.
        """
        self.check_ours()
        self._clear()
        for path in (self.library, self.command):
            os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
        try:
            self._write(engine)
            if os.path.lexists(self.library):
                exchange(self._beside, self.library)
            else:
                os.rename(self._beside, self.library)
            _flush(os.path.dirname(self.library))
            atomic_file.replace(self.command, engine.command, 0o755)
        finally:
            self._clear()

    def remove(self, made: tuple[str, ...]) -> None:
        """Take the engine away, and the directories in ``made`` where they are empty then."""
        import shutil

        self.check_ours()
        shutil.rmtree(self._memory, ignore_errors=True)
        try:
            os.unlink(self.command)
        except FileNotFoundError:
            pass
        if os.path.lexists(self.library):
            # What is moved aside first cannot be loaded by halves.
            self._clear()
            os.rename(self.library, self._beside)
        self._clear()
        for directory in made:
            try:
                os.rmdir(directory)
            except OSError:
                pass  # Gone, or somebody else's things are in it.

    def _clear(self) -> None:
        import shutil

        for path in (self._beside, f"{self._beside}.aside"):
            if os.path.lexists(path):
                shutil.rmtree(path)
        try:
            os.unlink(f"{self.command}.new")
        except FileNotFoundError:
            pass

    def _write(self, engine: Engine) -> None:
        """Write and compile the whole engine beside its place, down to the disk."""
        import py_compile

        os.mkdir(self._beside, 0o755)
        paths = {self._beside}
        content = f"{_MANAGED}\n{engine.version}\n".encode()
        written = {"VERSION": content}
        written.update((f"{PACKAGE}/{name}", data) for name, data in engine.sources.items())
        for name, data in written.items():
            path = os.path.join(self._beside, name)
            directory = os.path.dirname(path)
            os.makedirs(directory, mode=0o755, exist_ok=True)
            with open(path, "wb") as file:
                file.write(data)
            paths.update((path, directory))
            if name.endswith(".py"):
                # Compiled ones name the files by where they are going to be.
                shown = os.path.join(self.library, name)
                cached = py_compile.compile(path, dfile=shown, doraise=True)
                paths.update(() if cached is None else (cached, os.path.dirname(cached)))
        manifest = os.path.join(self._beside, MANIFEST)
        with open(manifest, "w", encoding="utf-8") as file:
            file.writelines(f"{row}\n" for row in self._manifest(engine))
        paths.add(manifest)
        for path in sorted(paths):
            os.chmod(path, 0o755 if os.path.isdir(path) else 0o644)
            os.chown(path, os.geteuid(), os.getegid())
        # Only then: an inode that changes between two flushes makes each of them wait for the journal.
        for path in sorted(paths):
            _flush(path)

    def _manifest(self, engine: Engine) -> list[str]:
        """Return the lines by which a module finds that the same engine is compiled here."""
        import zlib

        rows = []
        for name, data in sorted(engine.sources.items()):
            status = os.stat(os.path.join(self._beside, PACKAGE, name))
            rows.append(line(name, zlib.crc32(data), len(data), status.st_mtime_ns))
        return rows


def _flush(path: str) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
