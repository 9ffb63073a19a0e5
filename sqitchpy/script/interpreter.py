r"""From a script to actions: a generator that reads a source, obeys its meta-commands and yields what is to be done.

The interpreter never touches a database. It yields :mod:`~sqitchpy.script.actions`; the engine that drives it carries
each out before asking for the next. Looking a script over is the same run in a world where nothing is known
(``Unseen``): queries have no results, and where a condition depends on one every branch of its ``\if`` is read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator
from typing import ClassVar

from sqitchpy.errors import ScriptError
from sqitchpy.patterns import lazy
from sqitchpy.script.actions import Action, Actions, Copy, CopyOut, Describe, Print, Query, Rows, Run
from sqitchpy.script.conditions import Branches
from sqitchpy.script.copying import parse_copy
from sqitchpy.script.lexer import Command, Lexer, Statement, UnterminatedArgument
from sqitchpy.script.meta import rule_for
from sqitchpy.script.outside import SESSION_VARIABLES, EndKind, Outside
from sqitchpy.script.settings import USUAL, Settings
from sqitchpy.script.source import Source
from sqitchpy.script.statements import Kind, classify
from sqitchpy.script.variables import Variables, parse_boolean, quote_identifier, quote_literal

MAX_INCLUDE_DEPTH = 64
_READ_ON = frozenset({Kind.SESSION, Kind.COPY_IN})
"""Kinds that say how what follows is read."""
_COPY = lazy(rb"\bCOPY\b", re.IGNORECASE)
_FROM_STDIN = lazy(rb"\bFROM\s++STDIN\b", re.IGNORECASE)

__all__ = ["Action", "Actions", "Interpreter"]


def _reads_data(text: bytes) -> bool:
    copy = _COPY.search(text)
    return copy is not None and _FROM_STDIN.search(text, copy.end()) is not None


class _Lookup:
    """The lexer's view of variables and backquotes."""

    def __init__(self, variables: Variables, outside: Outside) -> None:
        self._variables = variables
        self._outside = outside
        self.uncertain = False
        """Something was asked that only a real run can tell."""

    def value(self, name: bytes) -> bytes | None:
        value = self._variables.get(name)
        if value is None and name in SESSION_VARIABLES:
            self.uncertain = True
            value = self._outside.session(name)
        return value

    def literal(self, name: bytes) -> bytes | None:
        value = self.value(name)
        return None if value is None else quote_literal(value)

    def identifier(self, name: bytes) -> bytes | None:
        value = self.value(name)
        return None if value is None else quote_identifier(value)

    def shell(self, command: bytes) -> bytes:
        self.uncertain = True
        output = self._outside.shell(command)
        return b"" if output is None else output.removesuffix(b"\n")


class Interpreter:
    """One run of one script. ``variables`` are changed by the script and shared with the files it includes.

    ``settings`` are the session's at the beginning; afterwards those at the end. ``lines`` are the source's, if
    somebody has begun to read them.
    """

    def __init__(
        self,
        source: Source,
        variables: Variables,
        outside: Outside,
        settings: Settings = USUAL,
        *,
        depth: int = 0,
        lines: Iterator[bytes] | None = None,
    ) -> None:
        self._source = source
        self._variables = variables
        self._outside = outside
        self._depth = depth
        self._lookup = _Lookup(variables, outside)
        self._lexer = Lexer(source.lines() if lines is None else lines, self._lookup)
        self._initial = settings
        self._read_with(settings)
        self._branches = Branches(self._lexer)
        self._restricted: bytes | None = None
        self._previous: Statement | None = None
        self.ended = False
        r"""Whether ``\q`` has ended the script, before the end of its file perhaps."""

    def _read_with(self, settings: Settings) -> None:
        self.settings = settings
        self._lexer.standard_strings, self._lexer.encoding = settings

    @property
    def certain(self) -> bool:
        """Whether what was yielded does not depend on anything outside the script."""
        return not self._lookup.uncertain

    def actions(self) -> Actions:
        """What the script does, in order. Raises ScriptError where it says something that cannot be done."""
        lexer, name = self._lexer, self._source.name
        try:
            while not self.ended and (item := lexer.next()) is not None:
                if isinstance(item, Command):
                    yield from self._command(item)
                elif lexer.active:
                    if item.kind in _READ_ON or item.batch or b"\0" in item.text:
                        yield from self._statement(item)
                    else:  # nearly every one
                        self._previous = item
                        yield Run(item, name)
        except UnterminatedArgument as error:
            raise self._error(str(error), error.line) from error
        if self._branches.unfinished_line is not None and not self.ended:
            raise self._error(r"\if without \endif: reached the end of the script", self._branches.unfinished_line)

    def _statement(self, statement: Statement) -> Actions:
        self._previous = statement
        if b"\0" in statement.text:
            raise self._error(
                "a NUL byte in a statement: the server would see only what stands before it", statement.line
            )
        if statement.batch and _reads_data(statement.text):
            raise self._error(r"COPY FROM STDIN cannot be joined with other statements by \;", statement.line)
        if statement.kind is not Kind.COPY_IN:
            yield Run(statement, self._source.name)
            if statement.kind is Kind.SESSION:
                self._read_with(self.settings.after(statement.text, self._initial))
            return
        data = self._lexer.data_lines()
        yield Copy(statement, self._source.name, data)
        for _ in data:  # what the server did not want is not SQL either
            pass

    def _command(self, command: Command) -> Actions:
        if command.name in ("if", "elif", "else", "endif"):
            yield from self._condition_command(command)
        elif self._lexer.active:
            handler = self._handler(command)
            if handler is not None:
                yield from handler(self, command)
            self._lexer.end_command()

    def _handler(self, command: Command) -> Callable[[Interpreter, Command], Actions] | None:
        """How to carry a command out; None for one without effect. Raises ScriptError for one that is refused."""
        if self._restricted is not None and command.name != "unrestrict":
            raise self._error(r"backslash commands are restricted; only \unrestrict is allowed", command.line)
        rule = rule_for(command.name)
        if rule is None:
            raise self._error(rf"invalid command \{command.name}", command.line)
        if rule.treatment == "refused" or (command.name in ("o", "out") and self._lexer.argument() is not None):
            raise self._refused(command, rule.why)
        return self._HANDLERS[command.name] if rule.treatment == "done" else None

    # -- conditions ---------------------------------------------------------------------------------------------

    def _condition_command(self, command: Command) -> Actions:
        branches, lexer = self._branches, self._lexer
        if command.name == "if":
            branches.begin(command.line, (yield from self._condition(command)) if lexer.active else False)
            return
        if complaint := branches.complaint(command.name):
            raise self._error(complaint, command.line)
        if command.name == "endif":
            branches.end()
        elif command.name == "else":
            branches.otherwise(True, final=True)
        else:
            lexer.active = branches.wants_condition  # its condition is read only then
            holds = (yield from self._condition(command)) if lexer.active else False
            branches.otherwise(holds, final=False)

    def _condition(self, command: Command) -> Generator[Action, Rows | None, bool | None]:
        """Whether a condition holds; None when only a real run can tell. What is no boolean does not, as in psql."""
        text = b" ".join(self._arguments())
        truth = parse_boolean(text)
        if truth is None and not self._outside.known and (self._lookup.uncertain or b":" in text):
            return None
        if truth is None:
            yield Print(self._no_boolean(command, text), "stderr")
        return bool(truth)

    def _no_boolean(self, command: Command, text: bytes) -> bytes:
        where = f"psql:{self._source.name}:{command.line}: error: unrecognized value"
        words = f'{where} "{text.decode("utf-8", "replace")}" for "\\{command.name} expression": Boolean expected\n'
        return words.encode()

    # -- commands -----------------------------------------------------------------------------------------------

    def _arguments(self) -> list[bytes]:
        found = []
        while (argument := self._lexer.argument()) is not None:
            found.append(argument)
        return found

    def _required(self, command: Command) -> list[bytes]:
        words = self._arguments()
        if not words:
            raise self._error(rf"\{command.name}: missing required argument", command.line)
        return words

    def _set(self, command: Command) -> Actions:
        before = self._lookup.uncertain
        self._lookup.uncertain = False
        name, *values = self._arguments() or [b""]
        unknown = self._lookup.uncertain and not self._outside.known
        self._lookup.uncertain = self._lookup.uncertain or before
        if name and unknown:
            self._variables.unset(name)
        elif name:
            self._variables.set(name, b"".join(values))
        yield from ()

    def _unset(self, command: Command) -> Actions:
        self._variables.unset(self._required(command)[0])
        yield from ()

    def _getenv(self, command: Command) -> Actions:
        names = self._required(command)
        if len(names) < 2:
            raise self._error(r"\getenv: missing required argument", command.line)
        self._lookup.uncertain = True
        value = self._outside.getenv(names[1].decode("utf-8", "replace"))
        if value is not None:
            self._variables.set(names[0], value.encode("utf-8", "surrogateescape"))
        yield from ()

    def _setenv(self, command: Command) -> Actions:
        name, *value = (word.decode("utf-8", "surrogateescape") for word in self._required(command))
        if "=" in name:
            raise self._error(r'\setenv: environment variable name must not contain "="', command.line)
        self._outside.setenv(name, value[0] if value else None)
        yield from ()

    def _echo(self, command: Command) -> Actions:
        words = self._arguments()
        newline = b"\n"
        if words[:1] == [b"-n"]:
            words, newline = words[1:], b""
        text = b" ".join(words) + newline
        yield Print(text, "stderr" if command.name == "warn" else "stdout")

    def _include(self, command: Command) -> Actions:
        name = self._required(command)[0].decode("utf-8", "surrogateescape")
        if self._depth >= MAX_INCLUDE_DEPTH:
            raise self._error(rf"\{command.name} {name}: files are included too deep", command.line)
        included = self._source.include(name, relative=command.name in ("ir", "include_relative"))
        if not included.exists():
            if ":" in name and not self._outside.known:  # its name will be known when it runs
                self._lookup.uncertain = True
                return
            raise self._error(f"{name}: No such file or directory", command.line)
        inner = Interpreter(included, self._variables, self._outside, self.settings, depth=self._depth + 1)
        yield from inner.actions()
        self._read_with(inner.settings)
        self._lookup.uncertain = self._lookup.uncertain or not inner.certain

    def _go(self, command: Command) -> Actions:
        words = self._arguments()
        if words and not words[0].startswith(b"("):
            raise self._refused(command, "it writes query results somewhere else")
        statement = self._lexer.take() or self._previous  # as in psql: the statement before, once more
        if statement is not None:
            yield from self._statement(statement)

    def _query(self, command: Command) -> Actions:
        r"""``\gset`` keeps a row as variables, ``\gexec`` runs every value, ``\crosstabview`` prints them crosswise."""
        words = self._arguments() if command.name != "gexec" else []
        statement = self._lexer.take() or self._previous
        if statement is None:
            return
        self._previous = statement
        self._lookup.uncertain = True
        rows = yield Query(statement, self._source.name)
        if rows is None:
            return
        if command.name == "gset":
            self._keep_row(rows, words[0] if words else b"", command.line)
            return
        if command.name == "crosstabview":
            yield Print(self._crosstab(rows, words, command.line), "stdout")
            return
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

    def _crosstab(self, rows: Rows, words: list[bytes], line: int) -> bytes:
        from sqitchpy.script.crosstab import crosstab  # hardly a script needs it

        try:
            return crosstab(rows, words) if rows.columns else b""  # psql, too, says nothing when there is no result
        except ValueError as error:
            raise self._error(rf"\crosstabview: {error}", line) from error

    def _describe(self, command: Command) -> Actions:
        statement = self._lexer.take() or self._previous
        if statement is not None:
            self._previous = statement
            yield Describe(statement._replace(kind=Kind.QUERY), self._source.name)  # it only looks, whatever it is

    def _shell(self, command: Command) -> Actions:
        self._lookup.uncertain = True
        output = self._outside.shell(self._lexer.rest_of_line())
        if output:
            yield Print(output, "stdout")

    def _encoding(self, command: Command) -> Actions:
        words = self._arguments()
        if not words:
            yield Print((self._lookup.value(b"ENCODING") or b"") + b"\n", "stdout")
        else:
            text = b"SET client_encoding TO " + quote_literal(words[0])
            yield Run(Statement(text, command.line, command.line, Kind.SESSION), self._source.name)
            self._read_with(self.settings.after(text, self._initial))

    def _print(self, command: Command) -> Actions:
        text = self._lexer.peek()
        yield Print((text or b"Query buffer is empty.") + b"\n", "stdout")

    def _reset(self, command: Command) -> Actions:
        self._lexer.take()
        yield from ()

    def _quit(self, command: Command) -> Actions:
        self.ended = True
        yield from ()

    def _restrict(self, command: Command) -> Actions:
        self._restricted = self._required(command)[0]
        yield from ()

    def _unrestrict(self, command: Command) -> Actions:
        if self._restricted is None:
            raise self._error(r"\unrestrict: not currently in restricted mode", command.line)
        if self._required(command)[0] != self._restricted:
            raise self._error(r"\unrestrict: wrong key", command.line)
        self._restricted = None
        yield from ()

    # -- \copy --------------------------------------------------------------------------------------------------

    def _copy(self, command: Command) -> Actions:
        line = self._lexer.rest_of_line()
        copy = parse_copy(line)
        if copy is None:
            raise self._refused(command, rf"“\copy {line.decode('utf-8', 'replace')}” is not understood")
        kind = Kind.COPY_IN if copy.direction == "from" else Kind.COPY_OUT
        statement = Statement(copy.statement, command.line, command.line, kind)
        if copy.kind == "script" and kind is Kind.COPY_IN:
            yield from self._statement(statement)
        elif copy.kind == "script":
            yield CopyOut(statement, self._source.name, None)
        else:
            self._lookup.uncertain = True
            yield from self._copy_outside(statement, copy.kind, copy.end or "", command.line)

    def _copy_outside(self, statement: Statement, end_kind: EndKind, end: str, line: int) -> Actions:
        def fail(what: str) -> ScriptError:
            return self._error(what, line)

        if statement.kind is Kind.COPY_IN:
            yield Copy(statement, self._source.name, self._outside.source(end_kind, end, fail))
            return
        with self._outside.sink(end_kind, end, fail) as sink:
            yield CopyOut(statement, self._source.name, sink.write)
            said = sink.finish()
        if said:
            yield Print(said, "stdout")

    # -- errors -------------------------------------------------------------------------------------------------

    def _error(self, what: str, line: int, hint: str | None = None) -> ScriptError:
        return ScriptError(f"{self._source.name}:{line}: {what}", file=self._source.name, line=line, hint=hint)

    def _refused(self, command: Command, why: str) -> ScriptError:
        return self._error(
            rf"\{command.name} cannot be run by sqitchpy itself: {why}",
            command.line,
            "Run the script with psql: put “-- sqitchpy: runner=psql” on its first line, or use --runner psql.",
        )

    _HANDLERS: ClassVar[dict[str, Callable[[Interpreter, Command], Actions]]] = {
        "set": _set,
        "unset": _unset,
        "getenv": _getenv,
        "setenv": _setenv,
        **dict.fromkeys(("echo", "qecho", "warn"), _echo),
        **dict.fromkeys(("i", "include", "ir", "include_relative"), _include),
        **dict.fromkeys(("g", "gx"), _go),
        **dict.fromkeys(("gset", "gexec", "crosstabview"), _query),
        "gdesc": _describe,
        "!": _shell,
        "encoding": _encoding,
        **dict.fromkeys(("p", "print"), _print),
        **dict.fromkeys(("r", "reset"), _reset),
        **dict.fromkeys(("q", "quit"), _quit),
        "restrict": _restrict,
        "unrestrict": _unrestrict,
        "copy": _copy,
    }
