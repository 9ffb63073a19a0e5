"""Scripts for MySQL and MariaDB, with the commands of the mysql client in them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping

from sqitchpy.engines.dbapi.statements import Kind, Print, Statement
from sqitchpy.engines.mysql.kinds import kind_of
from sqitchpy.engines.mysql.modes import Modes
from sqitchpy.engines.mysql.scanner import Command, Scanner, Sent, argument, file_name
from sqitchpy.engines.protocol import Script
from sqitchpy.errors import ScriptError
from sqitchpy.script.source import Source

DEPTH = 50
"""How deep ``source`` may be nested."""
UPRIGHT = "upright"
r"""The style of a statement that ``\G`` ends: each value of its rows on a line of its own."""
Answer = Iterator[Statement | Print]


def read_script(script: Script, sql_mode: str = "") -> Answer:
    """The statements of a script, its variables first; ``sql_mode`` is the server's. Raises ScriptError."""
    if script.variables:
        yield Statement(assignments(script.variables, sql_mode), Kind.SESSION, script.source.name, 1)
    yield from _Reader(script, sql_mode).read(script.source)


def assignments(variables: Mapping[str, str], sql_mode: str = "") -> bytes:
    r"""Sqitch's statement for variables, but for backslashes: they arrive as they are."""
    escapes = "NO_BACKSLASH_ESCAPES" not in sql_mode.upper()
    pairs = []
    for name, value in sorted(variables.items()):
        name = name.replace('"', '""')
        value = (value.replace("\\", "\\\\") if escapes else value).replace("'", "''")
        pairs.append(f"@\"{name}\" = '{value}'")
    return f"SET {', '.join(pairs)}".encode()


class _Reader:
    """One script while it is read, with the files that it includes."""

    def __init__(self, script: Script, sql_mode: str) -> None:
        self._script = script
        self._modes = Modes(sql_mode)
        self._delimiter = b";"
        self._depth = 0
        self._in_sandbox = False

    def read(self, source: Source) -> Answer:
        scanner = Scanner(self._modes.now, self._delimiter)
        for item in scanner.read(source.lines()):
            self._delimiter = scanner.delimiter
            if isinstance(item, Sent):
                self._modes.follow(item.text)
                style = UPRIGHT if item.upright else None
                yield Statement(item.text, self._kind(item.text), source.name, item.line, style)
            else:
                yield from _COMMANDS.get(item.name, _refused)(self, item, source)
                scanner.delimiter = self._delimiter
        self._delimiter = scanner.delimiter

    def _kind(self, text: bytes) -> Kind:
        """The kind of what is sent, which under another delimiter may be several statements."""
        kind = kind_of(text)
        if self._delimiter == b";" or b";" not in text or kind is Kind.ALONE:
            return kind
        parts = Scanner(self._modes.now).read(iter([text]))
        kinds = {kind_of(part.text) for part in parts if isinstance(part, Sent)}
        return kind if len(kinds) <= 1 or kinds <= {Kind.PLAIN, Kind.SESSION} else Kind.ALONE

    def close_sandbox(self) -> None:
        """From here on no file is read: dumps of MariaDB begin so."""
        self._in_sandbox = True

    def include(self, command: Command, source: Source) -> Answer:
        if self._in_sandbox:
            raise _failed("Not allowed in the sandbox mode", command, source)
        name = os.fsdecode(file_name(command.text))
        if not name:
            raise _failed(r"Usage: \. <filename> | source <filename>", command, source)
        included = source.include(name, relative=False)
        if not included.exists():
            raise _failed(f"Failed to open file '{name}', error: 2", command, source)
        if self._depth >= DEPTH:
            raise _failed(f"source is nested more than {DEPTH} deep", command, source)
        self._depth += 1
        yield from self.read(included)
        self._depth -= 1


def _failed(words: str, command: Command, source: Source, hint: str = "") -> ScriptError:
    """An error in the client's words."""
    return ScriptError(
        f"ERROR at line {command.line} in file: '{source.name}': {words}",
        file=source.name,
        line=command.line,
        hint="Nothing of the script was run." + hint,
    )


_IN_THE_CLIENT = (
    " The mysql client itself runs it with “-- sqitchpy: runner=mysql” on the script's first line, "
    "or with --runner mysql."
)


def _source(reader: _Reader, command: Command, source: Source) -> Answer:
    return reader.include(command, source)


def _sandbox(reader: _Reader, command: Command, source: Source) -> Answer:
    reader.close_sandbox()
    return iter(())


def _use(reader: _Reader, command: Command, source: Source) -> Answer:
    name = argument(command.text)
    if not name:
        yield from _complaint("USE must be followed by a database name", command, source)
        return
    yield Statement(b"USE `" + name.replace(b"`", b"``") + b"`", Kind.SESSION, source.name, command.line)


def _charset(reader: _Reader, command: Command, source: Source) -> Answer:
    name = argument(command.text)
    if not name.replace(b"_", b"").isalnum():
        raise _failed("Usage: \\C charset_name | charset charset_name", command, source)
    yield Statement(b"SET NAMES " + name, Kind.SESSION, source.name, command.line)


def _delimiter(reader: _Reader, command: Command, source: Source) -> Answer:
    """One that cannot be, at which the client complains and goes on; or with a quote that is not closed."""
    if any(quote in command.text for quote in (b"'", b'"', b"`")):
        raise _failed("a DELIMITER in quotes that hold nothing, or are not closed", command, source)
    if b"\\" in argument(command.text):
        yield from _complaint("DELIMITER cannot contain a backslash character", command, source)
    else:
        yield from _complaint("DELIMITER must be followed by a 'delimiter' character or string", command, source)


def _complaint(words: str, command: Command, source: Source) -> Answer:
    yield Print(f"ERROR at line {command.line} in file: '{source.name}': {words}\n", "stderr")


def _without_effect(reader: _Reader, command: Command, source: Source) -> Answer:
    return iter(())


def _refused(reader: _Reader, command: Command, source: Source) -> Answer:
    if not command.name:
        sign = command.text[1:2].decode("utf-8", "replace")
        raise _failed(f"Unknown command '\\{sign}'.", command, source)
    words = f"the client's command “{command.name}” is not built in"
    raise _failed(words, command, source, hint=_IN_THE_CLIENT)


_COMMANDS: dict[str, Callable[[_Reader, Command, Source], Answer]] = {
    "source": _source,
    "sandbox": _sandbox,
    "use": _use,
    "charset": _charset,
    "delimiter": _delimiter,
    **dict.fromkeys(
        ("clear", "help", "nopager", "notee", "nowarning", "pager", "print", "prompt", "rehash", "status", "warnings"),
        _without_effect,
    ),
}
"""What becomes of a command; those with no effect change only what the client shows. Others are refused."""
