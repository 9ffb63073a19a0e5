"""Scripts in the language of the sqlite3 shell: SQL, and commands that begin with a dot (https://www.sqlite.org/cli.html).

What the shell would print is printed as Sqitch has it (``-noheader -csv``); ``.headers``, ``.mode``, ``.separator`` and
``.nullvalue`` change that. A command that we do not know is refused before anything runs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count

from sqitchpy.engines.dbapi.statements import Print, Statement
from sqitchpy.engines.protocol import Script
from sqitchpy.engines.sqlite.kinds import kind_of
from sqitchpy.engines.sqlite.output import PLAIN, Style
from sqitchpy.engines.sqlite.splitting import Piece, Splitter
from sqitchpy.errors import ScriptError
from sqitchpy.script.source import Source

DEPTH = 25
"""How deep ``.read`` may be nested."""
_WORD = re.compile(r"""\s*(?:'((?:[^'])*)'|"((?:[^"\\]|\\.)*)"|(\S+))""", re.S)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", '"': '"', "'": "'"}
_SEPARATORS = {"csv": ",", "list": "|", "tabs": "\t", "ascii": "\x1f"}
_HARMLESS = ("timeout", "timer", "stats", "changes", "binary", "prompt", "eqp", "explain")
"""Commands that change nothing of what a script does or prints here."""


@dataclass(slots=True)
class _Reader:
    """One script while it is read, with the files that it includes."""

    script: Script
    style: Style = PLAIN
    echo: bool = False
    depth: int = 0
    ended: bool = False

    def read(self, source: Source) -> Iterator[Statement | Print]:
        splitter, numbers = Splitter(), count(1)
        for block in source.lines():
            for line in block.removeprefix(b"\xef\xbb\xbf").splitlines(keepends=True):
                number = next(numbers)
                if splitter.between and line[:1] in (b".", b"#"):
                    yield from self._command(line, source, number) if line[:1] == b"." else ()
                else:
                    yield from self._statements(splitter.feed(line, number), source)
                if self.ended:
                    return
        yield from self._statements(splitter.finish(), source)

    def _statements(self, pieces: Iterator[Piece], source: Source) -> Iterator[Statement | Print]:
        for piece in pieces:
            if self.echo:
                yield Print(piece.text.decode("utf-8", "replace") + ";\n")
            _refuse_bytes(piece, source)
            yield Statement(piece.text, kind_of(piece.text), source.name, piece.line, self.style)

    def _command(self, line: bytes, source: Source, number: int) -> Iterator[Statement | Print]:
        text = line.decode("utf-8", "replace").rstrip("\r\n")
        place = _Place(source, number)
        if self.echo:
            yield Print(f"{text}\n")
        name, *words = [_word(match) for match in _WORD.finditer(text[1:])] or [""]
        yield from _COMMANDS.get(name, _unknown)(self, words, place)


@dataclass(frozen=True, slots=True)
class _Place:
    source: Source
    line: int

    def refuse(self, what: str) -> ScriptError:
        name = self.source.name
        return ScriptError(
            f"{name}:{self.line}: {what}",
            file=name,
            line=self.line,
            hint="Nothing of the script was run. The sqlite3 shell itself runs it with “-- sqitchpy: runner=sqlite3” "
            "on its first line, or with --runner sqlite3.",
        )


Answer = Iterator[Statement | Print]


def read_script(script: Script) -> Answer:
    """The statements of a script, and what it prints. Raises ScriptError."""
    return _Reader(script).read(script.source)


def _refuse_bytes(piece: Piece, source: Source) -> None:
    """SQLite's text is UTF-8. Its shell would store whatever bytes there are, but Python's driver takes no others."""
    try:
        piece.text.decode("utf-8")
    except UnicodeDecodeError as error:
        line = piece.line + piece.text.count(b"\n", 0, error.start)
        raise _Place(source, line).refuse(
            f"the byte 0x{piece.text[error.start]:02x} is not UTF-8, as text in SQLite is"
        ) from None


def _word(match: re.Match[str]) -> str:
    single, double, bare = match.groups()
    if double is None:
        return single if single is not None else bare or ""
    return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), double, flags=re.S)


def _unknown(reader: _Reader, words: list[str], place: _Place) -> Answer:
    raise place.refuse("this command of the sqlite3 shell is not built in")


def _harmless(reader: _Reader, words: list[str], place: _Place) -> Answer:
    return iter(())


def _bail(reader: _Reader, words: list[str], place: _Place) -> Answer:
    if words and not _is_on(words[0]):
        raise place.refuse("a script ends at its first error here, so “.bail off” cannot be obeyed")
    return iter(())


def _is_on(word: str) -> bool:
    return word.lower() in ("on", "yes", "1", "true")


def _read(reader: _Reader, words: list[str], place: _Place) -> Answer:
    if len(words) != 1:
        raise place.refuse("“.read” takes the name of one file")
    if words[0].startswith("|"):
        raise place.refuse("“.read” of a program's output is not built in")
    included = place.source.include(words[0], relative=False)
    if not included.exists():
        raise place.refuse(f'cannot open "{words[0]}"')
    if reader.depth >= DEPTH:
        raise place.refuse(f"“.read” is nested more than {DEPTH} deep")
    reader.depth += 1
    yield from reader.read(included)
    reader.depth -= 1


def _print(reader: _Reader, words: list[str], place: _Place) -> Answer:
    yield Print(" ".join(words) + "\n")


def _echo(reader: _Reader, words: list[str], place: _Place) -> Answer:
    reader.echo = bool(words) and _is_on(words[0])
    return iter(())


def _headers(reader: _Reader, words: list[str], place: _Place) -> Answer:
    reader.style = reader.style._replace(headers=bool(words) and _is_on(words[0]))
    return iter(())


def _mode(reader: _Reader, words: list[str], place: _Place) -> Answer:
    if len(words) != 1 or words[0] not in _SEPARATORS:
        raise place.refuse(f"of the modes {', '.join(_SEPARATORS)} are built in")
    reader.style = reader.style._replace(quotes=words[0] == "csv", separator=_SEPARATORS[words[0]])
    return iter(())


def _separator(reader: _Reader, words: list[str], place: _Place) -> Answer:
    if len(words) != 1:
        raise place.refuse("“.separator” takes one text here: rows are lines")
    reader.style = reader.style._replace(separator=words[0])
    return iter(())


def _nullvalue(reader: _Reader, words: list[str], place: _Place) -> Answer:
    reader.style = reader.style._replace(null=words[0] if words else "")
    return iter(())


def _exit(reader: _Reader, words: list[str], place: _Place) -> Answer:
    if words and words[0] != "0":
        raise place.refuse(f"“.exit {words[0]}” makes the script fail")
    reader.ended = True
    return iter(())


def _shell(reader: _Reader, words: list[str], place: _Place) -> Answer:
    raise place.refuse("commands of the system are not run from scripts for SQLite")


_COMMANDS: dict[str, Callable[[_Reader, list[str], _Place], Answer]] = {
    "read": _read,
    "print": _print,
    "echo": _echo,
    "headers": _headers,
    "header": _headers,
    "mode": _mode,
    "separator": _separator,
    "nullvalue": _nullvalue,
    "exit": _exit,
    "quit": _exit,
    "shell": _shell,
    "system": _shell,
    "bail": _bail,
    **dict.fromkeys(_HARMLESS, _harmless),
}
