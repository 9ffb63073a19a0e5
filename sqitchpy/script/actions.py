"""What a script wants done, one thing at a time."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import Literal, NamedTuple

from sqitchpy.script.lexer import Statement


class Run(NamedTuple):
    """Send a statement."""

    statement: Statement
    file: str


class Query(NamedTuple):
    """Send a statement and give its result back, with ``generator.send``: a :class:`Rows`, None while looking over."""

    statement: Statement
    file: str


class Describe(NamedTuple):
    """Print the names and types of a statement's result columns; the statement itself is not run."""

    statement: Statement
    file: str


class Copy(NamedTuple):
    """Send a ``COPY … FROM STDIN`` and its data."""

    statement: Statement
    file: str
    data: Iterator[bytes]


class CopyOut(NamedTuple):
    """Send a ``COPY … TO STDOUT`` and hand the data to ``write`` (None: it is the script's output)."""

    statement: Statement
    file: str
    write: Callable[[bytes], object] | None


class Print(NamedTuple):
    r"""Write text, for ``\echo`` and ``\warn``."""

    text: bytes
    stream: Literal["stdout", "stderr"]


class Rows(NamedTuple):
    """A query's result: column names and rows of values, None for NULL."""

    columns: tuple[bytes, ...]
    values: tuple[tuple[bytes | None, ...], ...]


Sends = Run | Query | Describe | Copy | CopyOut
"""Actions that carry a statement."""
Action = Sends | Print
Actions = Generator[Action, Rows | None, None]
