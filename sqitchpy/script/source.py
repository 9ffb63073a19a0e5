"""Where a script's bytes come from. The only module of this package that opens files, and only those it is told to."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from sqitchpy.errors import ScriptError

PIECE = 64 * 1024
"""About how many bytes are read at a time."""
_PG_RESTORE = "Nothing of the script was run. Turn it into SQL: pg_restore --file=script.sql {name}"
_UTF_8 = "Nothing of the script was run. Save it as UTF-8: iconv -f UTF-16 -t UTF-8 {name}"
_NO_SQL = {
    b"PGDMP": ("an archive of pg_dump's, in its custom format, not SQL", _PG_RESTORE),
    b"toc.dat\0": ("an archive of pg_dump's, in its tar format, not SQL", _PG_RESTORE),
    b"\x1f\x8b": ("compressed (gzip), not SQL", "Nothing of the script was run. Decompress it: gunzip {name}"),
    b"\xff\xfe": ("text in UTF-16, which the database does not read", _UTF_8),
    b"\xfe\xff": ("text in UTF-16, which the database does not read", _UTF_8),
}
"""How files begin that are no scripts: what they are, and what to do about it."""
_SIGNS = tuple(_NO_SQL)

_DIRECTIVE = rb"--[ \t]*sqitchpy:[ \t]*(.*?)[ \t\r]*$"


@dataclass(frozen=True, slots=True)
class Source:
    """A script file. ``name`` is how messages call it: the path as configured, relative to ``root``."""

    name: str
    root: Path
    file: str = field(init=False, repr=False, compare=False)
    """Where the file is: a string, put together once, because a run asks ten times for every script."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "file", os.path.join(self.root, self.name))

    @property
    def path(self) -> Path:
        """Where the file is."""
        return Path(self.file)

    def exists(self) -> bool:
        """Whether it is there."""
        return os.path.isfile(self.file)

    def stamp(self) -> tuple[int, ...]:
        """What changes when the file is written or replaced: its number, size and time; empty without a file."""
        try:
            facts = os.stat(self.file)
        except OSError:
            return ()
        return facts.st_ino, facts.st_size, facts.st_mtime_ns

    def digest(self) -> str:
        """The SHA-1 of the file's bytes, in hex. Raises ScriptError when it cannot be read."""
        try:
            with open(self.file, "rb", buffering=0) as file:
                digest = hashlib.sha1(usedforsecurity=False)
                while piece := file.read(PIECE):
                    digest.update(piece)
                return digest.hexdigest()
        except OSError as error:
            raise self._unreadable(error) from error

    def raw_lines(self) -> Iterator[bytes]:
        """The file line by line, whatever it holds. Raises ScriptError when it cannot be read."""
        try:
            with open(self.file, "rb") as file:
                yield from file
        except OSError as error:
            raise self._unreadable(error) from error

    def first_line(self) -> bytes:
        """The first line, without its end. Raises as :meth:`lines` does."""
        return next(self.lines(), b"").partition(b"\n")[0]

    def lines(self) -> Iterator[bytes]:
        """The file, in pieces of whole lines. Raises ScriptError when it cannot be read, is no SQL, or holds a NUL."""
        number = 0
        try:
            for lines in self._pieces():
                if not number:
                    self._refuse_what_is_no_sql(lines)
                if b"\0" in lines:  # libpq, and psql, would drop what follows it without a word
                    raise self._holds_nul(number + lines.count(b"\n", 0, lines.index(b"\0")) + 1)
                number += lines.count(b"\n")
                yield lines
        except OSError as error:
            raise self._unreadable(error) from error

    def _pieces(self) -> Iterator[bytes]:
        with open(self.file, "rb", buffering=0) as file:  # a buffer takes five more calls of the system for each file
            begun: list[bytes] = []
            while piece := file.read(PIECE):
                end = piece.rfind(b"\n") + 1
                if end:
                    yield b"".join((*begun, piece[:end]))
                    begun.clear()
                if end < len(piece):
                    begun.append(piece[end:])
            if begun:
                yield b"".join(begun)

    def _unreadable(self, error: OSError) -> ScriptError:
        hint = "Nothing of the script was run. Make the file readable, then run the command again."
        return ScriptError(f"{self.name}: {error.strerror}", file=self.name, line=0, hint=hint)

    def _refuse_what_is_no_sql(self, begin: bytes) -> None:
        if begin.startswith(_SIGNS):
            what, hint = next(told for sign, told in _NO_SQL.items() if begin.startswith(sign))
            raise ScriptError(f"{self.name} is {what}", file=self.name, line=0, hint=hint.format(name=self.name))

    def _holds_nul(self, number: int) -> ScriptError:
        return ScriptError(
            f"{self.name}:{number}: a NUL byte, which no SQL can hold",
            file=self.name,
            line=number,
            hint="Nothing of the script was run. Is the file in UTF-16? Save it as UTF-8.",
        )

    def include(self, name: str, *, relative: bool) -> Source:
        r"""The file that ``\i`` (relative to the working directory) or ``\ir`` (to this script) names."""
        if relative and not Path(name).is_absolute():
            name = str(Path(self.name).parent / name)
        if name.startswith("~"):
            with suppress(RuntimeError):  # a user who does not exist: the name is meant as it is, as in psql
                name = str(Path(name).expanduser())
        return Source(name, self.root)


def read_directives(first_line: bytes, name: str) -> dict[str, str]:
    """The settings on a script's first line, ``-- sqitchpy: transaction=off runner=psql``.

    Raises ScriptError for words that mean nothing, because a misspelt setting would silently not hold.
    """
    if b"sqitchpy:" not in first_line:
        return {}
    match = re.match(_DIRECTIVE, first_line.removeprefix(b"\xef\xbb\xbf").rstrip(b"\n"))
    if match is None or match.group(1).startswith(b"allow"):
        return {}
    known = {
        "transaction": ("on", "off"),
        "runner": ("native", "psql", "sqlite3", "mysql"),
        "verify": ("inside", "after"),
    }
    found: dict[str, str] = {}
    for word in re.split(r"[ ,]+", match.group(1).decode("utf-8", "replace")):
        key, _, value = word.partition("=")
        if value not in known.get(key, ()):
            allowed = ", ".join(f"{name}={'|'.join(values)}" for name, values in known.items())
            raise ScriptError(f"{name}:1: unknown setting {word!r}", file=name, line=1, hint=f"Known are: {allowed}")
        found[key] = value
    return found
