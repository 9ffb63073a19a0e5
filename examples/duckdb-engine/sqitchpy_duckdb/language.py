"""Scripts: DuckDB's own parser says where its statements are, and of which kind."""

from __future__ import annotations

import re
from collections.abc import Iterator

import duckdb
from duckdb import StatementType

from sqitchpy.engines.dbapi.statements import Kind, Statement
from sqitchpy.engines.protocol import Script
from sqitchpy.errors import ScriptError

_LINE = re.compile(r"^LINE (\d+): ", re.MULTILINE)
_NOTHING_RUN = "Nothing of the script was run."
_WORD = re.compile(r"\w+")
_TRANSACTION = {"begin": Kind.BEGIN, "start": Kind.BEGIN, "commit": Kind.COMMIT, "end": Kind.COMMIT}
_CHANGES = re.compile(r"\b(insert|update|delete|merge|nextval|analyze)\b", re.IGNORECASE)
"""In a query with such a word there may be a data-modifying WITH, a sequence that moves on, EXPLAIN that executes."""
_ALONE = re.compile(r"(force\s+)?checkpoint|pragma\s+force_checkpoint|call\s+\w*checkpoint", re.IGNORECASE)
_TEMPORARY = re.compile(r"create\s+(or\s+replace\s+)?(temp|temporary|secret)\b|create\b[^(]*\btemp\s*\.", re.IGNORECASE)
_REPEATABLE = re.compile(r"\bgetvariable\s*\(\s*'[^']*'\s*\)", re.IGNORECASE)
_ASKS = re.compile(r"\(|\bcurrent_\w+", re.IGNORECASE)
"""A setting with a call or a query in it may have another value the next time."""
_SWITCH = re.compile(r"pragma\s+(enable|disable)_", re.IGNORECASE)
"""PRAGMA is also what runs something: create_fts_index."""
_SESSION = ("SET", "ATTACH", "DETACH", "LOAD", "PREPARE")


def read_script(script: Script) -> Iterator[Statement]:
    """The script's statements. ``--set`` are variables of the session: ``getvariable('name')``. Raises ScriptError."""
    name = script.source.name
    for variable, value in script.variables.items():
        setting = f"SET VARIABLE {quoted(variable)} = {literal(value)}"
        yield Statement(setting.encode(), Kind.SESSION, name, 1, StatementType.SET)
    line = 1
    for written, found in _parsed(script):
        before, text = _core(written)
        begin = line + before.count(b"\n")
        line += written.count("\n")
        yield Statement(text, kind_of(text.decode(), found), name, begin, found)


def _core(written: str) -> tuple[bytes, bytes]:
    """What stands before a statement, and the statement: without the comments around it and its semicolons."""
    text = written.encode()
    tokens = [  # the driver says where they begin, in bytes
        (start, kind != duckdb.token_type.comment and text[start : start + 1] != b";")
        for start, kind in duckdb.tokenize(written)
    ]
    core = [number for number, (_, is_part) in enumerate(tokens) if is_part]
    begin = tokens[core[0]][0]
    end = tokens[core[-1] + 1][0] if core[-1] + 1 < len(tokens) else len(text)
    return text[:begin], text[begin:end].rstrip()


def _parsed(script: Script) -> list[tuple[str, StatementType]]:
    name = script.source.name
    content = b"".join(script.source.lines())
    try:
        text = content.decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        hint = f"DuckDB reads UTF-8. {_NOTHING_RUN}"
        raise ScriptError(f"{name}:{line}: not in UTF-8", file=name, line=line, hint=hint) from error
    try:
        found = duckdb.extract_statements(text)
    except duckdb.Error as error:
        raise _unreadable(name, text, str(error)) from error
    line = 1
    parsed = []
    for each in found:
        try:
            parsed.append((each.query, each.type))
        except ValueError as error:  # the driver has no name for what its own parser has found: UPDATE EXTENSIONS
            line += _core(each.query)[0].count(b"\n")
            message = f"{name}:{line}: the Python package duckdb does not know such a statement: {error}"
            raise ScriptError(message, file=name, line=line, hint=_NOTHING_RUN) from error
        line += each.query.count("\n")
    return parsed


def _unreadable(name: str, text: str, message: str) -> ScriptError:
    found = _LINE.search(message)
    line = int(found[1]) if found else 1
    hint = _NOTHING_RUN
    if text.split("\n")[line - 1].startswith("."):
        hint += " Commands that begin with a dot are of the program duckdb, and not read here: write SQL."
    return ScriptError(f"{name}:{line}: {message}", file=name, line=line, hint=hint)


def kind_of(text: str, found: StatementType) -> Kind:
    """What a statement means for the transaction it is in."""
    if found == StatementType.TRANSACTION:
        return _TRANSACTION.get(_WORD.match(text)[0].lower(), Kind.ROLLBACK)  # type: ignore[index]
    if found in (StatementType.SELECT, StatementType.EXPLAIN):
        return Kind.PLAIN if _CHANGES.search(text) else Kind.READ
    if found.name == "CREATE":
        return Kind.LOCAL if _TEMPORARY.match(text) else Kind.PLAIN
    if found.name == "SET" and _ASKS.search(_REPEATABLE.sub("", text)):
        return Kind.LOCAL
    if found.name in _SESSION or _SWITCH.match(text):
        return Kind.SESSION
    return Kind.ALONE if _ALONE.match(text) else Kind.PLAIN


def in_file(message: str, begin: int) -> tuple[str, int]:
    """A message of DuckDB's with the line that it quotes counted from the file's beginning; and that line."""
    found = _LINE.search(message)
    if found is None:
        return message, begin
    line = begin + int(found[1]) - 1
    quoted_line = f"LINE {line}: "
    head, tail = message[: found.start()], message[found.end() :]
    shift = " " * (len(quoted_line) - len(found[0]))
    return head + quoted_line + re.sub(r"\n(?= *\^)", "\n" + shift, tail, count=1), line


def quoted(name: str) -> str:
    """An identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text."""
    return "'" + text.replace("'", "''") + "'"
