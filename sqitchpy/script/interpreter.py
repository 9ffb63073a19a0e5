r"""From a script to actions: a generator that reads a source, obeys its meta-commands and yields what is to be done.

The interpreter never touches a database. It yields :class:`Run`, :class:`Query`, :class:`Copy` and :class:`Print`; the
engine that drives it carries each out before asking for the next. While a script is only looked over, queries have no
results: a condition that depends on one is unknown, and then every branch of its ``\if`` is read.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Literal, NamedTuple

from sqitchpy.errors import ScriptError
from sqitchpy.script.lexer import Command, Lexer, Statement, UnterminatedArgument
from sqitchpy.script.source import Source
from sqitchpy.script.statements import Kind, classify
from sqitchpy.script.variables import Variables, parse_boolean, quote_identifier, quote_literal

MAX_INCLUDE_DEPTH = 64


class Run(NamedTuple):
    """Send a statement."""

    statement: Statement
    file: str


class Copy(NamedTuple):
    """Send a ``COPY … FROM STDIN`` and the data that follows it in the script."""

    statement: Statement
    file: str
    data: Iterator[bytes]


class Print(NamedTuple):
    r"""Write text, for ``\echo`` and ``\warn``."""

    text: bytes
    stream: Literal["stdout", "stderr"]


class Query(NamedTuple):
    """Send a statement and give its result back, with ``generator.send``: a :class:`Rows`, None while examining."""

    statement: Statement
    file: str


class Rows(NamedTuple):
    """A query's result: column names and rows of values, None for NULL."""

    columns: tuple[bytes, ...]
    values: tuple[tuple[bytes | None, ...], ...]


Action = Run | Copy | Print | Query
Actions = Generator[Action, Rows | None, None]


class _Branch:
    r"""One open ``\if``."""

    __slots__ = ("active", "line", "mark", "outer_active", "seen_else", "taken")

    def __init__(self, line: int, outer_active: bool, condition: bool | None) -> None:
        self.line = line
        self.outer_active = outer_active
        self.active = outer_active and condition is not False
        self.taken = condition is True
        self.seen_else = False
        self.mark: tuple[int, bool, int, int] | None = None


class _Lookup:
    """The lexer's view of the variables."""

    def __init__(self, variables: Variables, source: Source) -> None:
        self._variables = variables
        self._source = source

    def value(self, name: bytes) -> bytes | None:
        return self._variables.get(name)

    def literal(self, name: bytes) -> bytes | None:
        value = self._variables.get(name)
        return None if value is None else quote_literal(value)

    def identifier(self, name: bytes) -> bytes | None:
        value = self._variables.get(name)
        return None if value is None else quote_identifier(value)

    def shell(self, command: bytes) -> bytes:
        raise ScriptError(
            f"{self._source.name}: a command in backquotes cannot be run here", file=self._source.name, line=0
        )


class Interpreter:
    """One run of one script. ``variables`` are changed by the script and shared with the files it includes."""

    def __init__(self, source: Source, variables: Variables, *, depth: int = 0) -> None:
        self._source = source
        self._variables = variables
        self._depth = depth
        self._lexer = Lexer(source.lines(), _Lookup(variables, source))
        self._branches: list[_Branch] = []
        self._uncertain = False  # a query's result was not given: variables may have any value

    def actions(self) -> Actions:
        """What the script does, in order. Raises ScriptError where it says something that cannot be done."""
        try:
            yield from self._actions()
        except UnterminatedArgument as error:
            raise self._error(str(error), error.line) from error
        if self._branches:
            raise self._error(r"\if without \endif: reached the end of the script", self._branches[-1].line)

    def _actions(self) -> Actions:
        while (item := self._lexer.next()) is not None:
            if isinstance(item, Command):
                yield from self._command(item)
            elif self._lexer.active:
                yield from self._statement(item)

    def _statement(self, statement: Statement) -> Actions:
        if statement.kind is not Kind.COPY_IN:
            yield Run(statement, self._source.name)
            return
        data = self._lexer.data_lines()
        yield Copy(statement, self._source.name, data)
        for _ in data:  # what the server did not want is not SQL either
            pass

    # -- meta-commands ------------------------------------------------------------------------------------------

    def _command(self, command: Command) -> Actions:
        if command.name in ("if", "elif", "else", "endif"):
            getattr(self, f"_{command.name}")(command)
            return
        if not self._lexer.active:
            self._lexer.end_command()
            return
        if command.name == "set":
            self._set()
        elif command.name == "unset":
            self._unset(command)
        elif command.name in ("echo", "qecho", "warn"):
            yield self._echo(command)
        elif command.name in ("i", "include", "ir", "include_relative"):
            yield from self._include(command)
        elif command.name in ("gset", "gexec"):
            yield from self._query(command)
        elif command.name == "g" and not self._arguments():
            yield from self._send_buffer()
        else:
            raise self._unsupported(command)
        self._lexer.end_command()

    def _arguments(self) -> list[bytes]:
        found = []
        while (argument := self._lexer.argument()) is not None:
            found.append(argument)
        return found

    def _set(self) -> None:
        name, *values = self._arguments() or [b""]
        if name:
            self._variables.set(name, b"".join(_unquote(value) for value in values))

    def _unset(self, command: Command) -> None:
        names = self._arguments()
        if not names:
            raise self._error(r"\unset: missing required argument", command.line)
        self._variables.unset(names[0])

    def _echo(self, command: Command) -> Print:
        words = self._arguments()
        newline = b"\n"
        if words[:1] == [b"-n"]:
            words, newline = words[1:], b""
        text = b" ".join(_unquote(word) for word in words) + newline
        return Print(text, "stderr" if command.name == "warn" else "stdout")

    def _send_buffer(self) -> Actions:
        statement = self._lexer.take()
        if statement is not None:
            yield Run(statement, self._source.name)

    def _query(self, command: Command) -> Actions:
        r"""``\gset`` keeps a row's values as variables, ``\gexec`` runs every value as a statement."""
        prefix = self._lexer.argument() or b"" if command.name == "gset" else b""
        statement = self._lexer.take()
        if statement is None:
            return
        rows = yield Query(statement, self._source.name)
        if rows is None:
            self._uncertain = True
        elif command.name == "gset":
            self._keep_row(rows, prefix, command.line)
        else:
            for text in (value for row in rows.values for value in row if value is not None):
                line = statement.end_line
                yield Run(Statement(text, line, line, classify(text), False), self._source.name)

    def _keep_row(self, rows: Rows, prefix: bytes, line: int) -> None:
        if len(rows.values) != 1:
            many = "no rows returned" if not rows.values else "more than one row returned"
            raise self._error(rf"{many} for \gset", line)
        for name, value in zip(rows.columns, rows.values[0], strict=True):
            if value is None:
                self._variables.unset(prefix + name)
            else:
                self._variables.set(prefix + name, value)

    def _include(self, command: Command) -> Actions:
        name = _unquote(self._lexer.argument() or b"").decode("utf-8", "surrogateescape")
        if not name:
            raise self._error(rf"\{command.name}: missing required argument", command.line)
        if self._depth >= MAX_INCLUDE_DEPTH:
            raise self._error(rf"\{command.name} {name}: files are included too deep", command.line)
        included = self._source.include(name, relative=command.name in ("ir", "include_relative"))
        inner = Interpreter(included, self._variables, depth=self._depth + 1)
        try:
            yield from inner.actions()
        except ScriptError as error:
            if error.file == included.name and error.line == 0:  # cannot be opened: say who wanted it
                raise self._error(f"{error}", command.line) from error
            raise

    # -- conditions ---------------------------------------------------------------------------------------------

    def _condition(self) -> bool | None:
        """Whether a condition holds; None when that cannot be known yet. As in psql, what is no boolean does not hold."""
        words = self._arguments()
        truth = parse_boolean(b" ".join(words))
        if truth is None and self._uncertain and any(b":" in word for word in words):
            return None
        return bool(truth)

    def _if(self, command: Command) -> None:
        outer = self._lexer.active
        branch = _Branch(command.line, outer, self._condition() if outer else False)
        self._branches.append(branch)
        self._enter(branch)

    def _elif(self, command: Command) -> None:
        branch = self._top(command)
        if branch.seen_else:
            raise self._error(r"\elif: cannot occur after \else", command.line)
        self._leave(branch)
        self._lexer.active = branch.outer_active and not branch.taken
        condition = self._condition() if self._lexer.active else False
        branch.active = condition is not False
        branch.taken = branch.taken or condition is True
        self._enter(branch)

    def _else(self, command: Command) -> None:
        branch = self._top(command)
        if branch.seen_else:
            raise self._error(r"\else: cannot occur after \else", command.line)
        self._leave(branch)
        branch.seen_else = True
        branch.active = branch.outer_active and not branch.taken
        branch.taken = True
        self._enter(branch)

    def _endif(self, command: Command) -> None:
        branch = self._top(command)
        self._leave(branch)
        self._branches.pop()
        self._lexer.active = branch.outer_active

    def _top(self, command: Command) -> _Branch:
        if not self._branches:
            raise self._error(rf"\{command.name}: no matching \if", command.line)
        return self._branches[-1]

    def _enter(self, branch: _Branch) -> None:
        self._lexer.end_command()
        branch.mark = self._lexer.mark()
        self._lexer.active = branch.active

    def _leave(self, branch: _Branch) -> None:
        if not branch.active and branch.mark is not None:
            self._lexer.reset(branch.mark)

    # -- errors -------------------------------------------------------------------------------------------------

    def _error(self, what: str, line: int) -> ScriptError:
        return ScriptError(f"{self._source.name}:{line}: {what}", file=self._source.name, line=line)

    def _unsupported(self, command: Command) -> ScriptError:
        return ScriptError(
            rf"{self._source.name}:{command.line}: \{command.name} cannot be run by sqitchpy itself",
            file=self._source.name,
            line=command.line,
            hint="Run the script with psql: put “-- sqitchpy: runner=psql” on its first line, or use --runner psql.",
        )


def _unquote(argument: bytes) -> bytes:
    if len(argument) > 1 and argument[:1] == argument[-1:] == b'"':
        return argument[1:-1].replace(b'""', b'"')
    return argument
