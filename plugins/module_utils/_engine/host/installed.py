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
from functools import lru_cache
from types import CodeType
from typing import NamedTuple

from .. import once, shortcut
from ..errors import AccessError
from ..shortcut import ARCHIVE, COMMAND, FIRST_LINE, LIBRARY, MEMORY, PACKAGE, SHOWN
from . import atomic_file, sources

_USUAL_PYTHON = "/usr/bin/python3"

# Isolated from the environment and the caller's directory (-I), and without the packages of other
# people (-S).  The archive is held open, so that an engine which is replaced meanwhile is loaded
# from one file to the end.
_COMMAND = """\
#!{python} -ISXutf8
{managed}
import sys

try:
    archive = open({archive!r}, "rb")
    sys.path.insert(0, "/proc/self/fd/%d" % archive.fileno())
    from {package}.runtime.command import main
except Exception as error:
    sys.exit(f"socket-access cannot run ({{error}}); run the playbook that installed it again.")
sys.exit(main(sys.argv[1:]))
"""


class Engine(NamedTuple):
    """An engine as the files of a host: the archive of its sources, compiled, and the command."""

    archive: bytes
    command: bytes

    @property
    def version(self) -> str:
        """A short name for exactly this engine; "damaged" where the archive is not whole."""
        key = shortcut.key_in(self.archive)
        return "damaged" if key is None else _version(key, self.command)


def _version(key: str, command: bytes) -> str:
    import hashlib

    return hashlib.sha256(key.encode() + b"\n" + command).hexdigest()[:16]


def made_of(
    files: Mapping[str, bytes], command: bytes, codes: Mapping[str, CodeType] | None = None
) -> Engine:
    """Return the engine that these sources make, by their name in the package, compiled.

    ``codes`` are those of them that are compiled already.
    """
    import io
    import zipfile

    packed = io.BytesIO()
    # Nothing is compressed, so that it can be loaded without zlib, and quickly.
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in sorted(files.items()):
            code = None if codes is None else codes.get(name)
            if code is None:
                code = compile(content, f"{SHOWN}/{name}", "exec", dont_inherit=True)
            for end, data in (("", content), ("c", _compiled(content, code))):
                # A moment of its own would make the same engine another file each time.
                archive.writestr(zipfile.ZipInfo(f"{PACKAGE}/{name}{end}"), data)
    whole = packed.getvalue()
    return Engine(shortcut.lines_before(sources.key_of(files), whole) + whole, command)


def _compiled(source: bytes, code: CodeType) -> bytes:
    """Return a .pyc that is taken without a look at its source, which is in the same file.

    The header is that of PEP 552: the magic number, the flag of an unchecked hash, the hash.
    Another version of Python has another magic number, and compiles the source each time.
    """
    import importlib.util
    import marshal

    head = importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little")
    return head + importlib.util.source_hash(source) + marshal.dumps(code)


@lru_cache(maxsize=1)
def own() -> Engine:
    """Return the engine that is running, wherever it was loaded from (a zip, a checkout, a host)."""
    return made_of(sources.sources(), command(), once.codes)


@lru_cache(maxsize=1)
def version() -> str:
    """Return the version of the engine that is running."""
    return _version(sources.key(), command())


def command(library: str = LIBRARY) -> bytes:
    """Return the command, for the interpreter that is running."""
    return _COMMAND.format(
        python=_interpreter(),
        managed=FIRST_LINE,
        archive=f"{library}/{ARCHIVE}",
        package=PACKAGE,
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


def interpreter() -> tuple[str, ...]:
    """Return the interpreter of the command, and the paths that decide what it loads at its start.

    Beside it, or one directory above, may be the settings of a virtual environment (PEP 405).
    """
    python = _interpreter()
    directory = os.path.dirname(python)
    settings = [f"{one}/pyvenv.cfg" for one in (directory, os.path.dirname(directory))]
    return (python, *settings, os.path.dirname(os.__file__))


class Place:
    """Where a host keeps the engine; both are in directories that only root writes to."""

    def __init__(
        self, library: str = LIBRARY, command: str = COMMAND, memory: str = MEMORY
    ) -> None:
        self.library = library
        self.archive = f"{library}/{ARCHIVE}"
        self.command = command
        self._memory = memory

    def check_ours(self) -> None:
        """Raise AccessError that names what is in the way and does not come from us."""
        foreign = [self.library] if self._has_others() else []
        for path in (self.archive, self.command):
            if os.path.lexists(path) and not _is_ours(path):
                foreign.append(path)
        for path in foreign:
            raise AccessError(
                f"{path} is there already and does not come from the collection "
                "unixsocket.access, so it is left as it is and nothing was changed; move it "
                "away and run again."
            )

    def _has_others(self) -> bool:
        """Tell whether the library is no directory, or has more in it than what we put there."""
        try:
            if os.path.islink(self.library):
                return True
            return not {ARCHIVE, f"{ARCHIVE}.new"}.issuperset(os.listdir(self.library))
        except FileNotFoundError:
            return False
        except NotADirectoryError:
            return True

    def read(self) -> Engine | None:
        """Return the engine that is really there, or None where none of its parts is."""
        archive, command = atomic_file.read(self.archive), atomic_file.read(self.command)
        if archive is None and command is None:
            return None
        return Engine(archive or b"", command or b"")

    def interrupted(self) -> bool:
        """Tell whether a run that was killed left something beside the engine, or its directory."""
        if os.path.isdir(self.library) and not os.path.lexists(self.archive):
            return True
        return any(map(atomic_file.is_unfinished, (self.archive, self.command)))

    def missing_directories(self) -> tuple[str, ...]:
        """Return the directories around it that must be made, the innermost first."""
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
        missing = self.missing_directories()
        if not os.path.isdir(self.library):
            missing = (self.library, *missing)
        try:
            for directory in reversed(missing):
                os.mkdir(directory)
                # Whatever the umask is, for a user's own manager loads it, too.
                os.chmod(directory, 0o755)
            atomic_file.replace(self.archive, engine.archive, 0o644)
            atomic_file.replace(self.command, engine.command, 0o755)
        except BaseException:
            _remove_empty(missing)
            raise

    def remove(self, made: tuple[str, ...]) -> None:
        """Take the engine away, and the directories in ``made`` where they are empty then."""
        import shutil

        self.check_ours()
        shutil.rmtree(self._memory, ignore_errors=True)
        for path in (self.command, self.archive):
            atomic_file.remove(path)
        _remove_empty((self.library, *made))


def _is_ours(path: str) -> bool:
    if os.path.islink(path) or not os.path.isfile(path):
        return False
    with open(path, "rb") as file:
        # The first line, or the one after that of the interpreter.
        return FIRST_LINE.encode() in file.read(300).split(b"\n")[:2]


def _remove_empty(directories: tuple[str, ...]) -> None:
    for directory in directories:
        try:
            os.rmdir(directory)
        except OSError:
            pass  # Gone, or somebody else's things are in it.
