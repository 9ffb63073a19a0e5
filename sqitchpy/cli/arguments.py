"""Command line words as Getopt::Long reads them, turned into words that click understands. Pure: words in, words out.

Sqitch's users rely on what Perl's option parser offers and click does not: unique abbreviations of long options
(``--max 3``), bundles (``-VV``, ``-n5``), options after arguments, ``--noverify`` beside ``--no-verify``, core options
anywhere. :func:`normalize` reads words that way and gives them back in one canonical form: ``--long=value``.

An abbreviation is looked up among Sqitch's own options first and among sqitchpy's only when none of those fits, so no
option that we add can make a command line ambiguous that works with Sqitch.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

Kind = Literal["flag", "text", "integer", "pair", "two"]

_INTEGER = re.compile(r"[-+]?_*[0-9][0-9_]*")


class OptionSpec(NamedTuple):
    """One option: all its names without dashes, the canonical one first, and what it takes.

    ``pair`` takes ``name=value``, ``two`` two words. ``negatable`` flags have the forms ``--no-x`` and ``--nox`` as
    well. ``ours`` marks what Sqitch does not have, ``whole`` what is not to be abbreviated.
    """

    names: tuple[str, ...]
    kind: Kind = "flag"
    negatable: bool = False
    ours: bool = False
    whole: bool = False


class Normalized(NamedTuple):
    """The outcome: ``options`` in canonical form, what is left (``rest``), and complaints in Getopt::Long's words."""

    options: tuple[str, ...]
    rest: tuple[str, ...]
    errors: tuple[str, ...] = ()


class _Entry(NamedTuple):
    """What one spelling of an option stands for."""

    spec: OptionSpec
    negated: bool

    @property
    def identity(self) -> str:
        return ("no" if self.negated else "") + self.spec.names[0]


class _Rejected(Exception):
    """A word looks like an option but is not one of ours, or has a bad value."""


_Table = Mapping[str, _Entry]


def normalize(words: Sequence[str], specs: Iterable[OptionSpec], *, pass_through: bool = False) -> Normalized:
    """Read ``words`` by the table ``specs``.

    With ``pass_through`` what is not understood stays in ``rest``, in its place (how Sqitch finds its core options all
    over the line); without it each such word is a complaint. ``--`` ends the options; it stays in ``rest`` only with
    ``pass_through``.
    """
    reader = _Reader(words, tuple(specs), pass_through)
    return reader.read()


class _Reader:
    """The state of one reading: the words still to come and what was made of those before them."""

    def __init__(self, words: Sequence[str], specs: tuple[OptionSpec, ...], pass_through: bool) -> None:
        self.waiting = list(reversed(words))
        self.tables = (_table(s for s in specs if not s.ours), _table(s for s in specs if s.ours))
        self.pass_through = pass_through
        self.options: list[str] = []
        self.rest: list[str] = []
        self.errors: list[str] = []

    def read(self) -> Normalized:
        while self.waiting:
            word = self.waiting.pop()
            if word == "--":
                self.rest += ["--"] * self.pass_through
                break
            if not word.startswith("-") or word == "-":
                self.rest.append(word)
            else:
                self._read_option(word)
        return Normalized(tuple(self.options), (*self.rest, *reversed(self.waiting)), tuple(self.errors))

    def _read_option(self, word: str) -> None:
        before = list(self.waiting)
        try:
            if word.startswith("--"):
                self._read_long(word[2:])
            else:
                self._read_short(word[1], word[2:])
        except _Rejected as rejected:
            if self.pass_through:
                self.waiting = before
                self.rest.append(word)
            else:
                self.errors.append(str(rejected))

    def _read_long(self, text: str) -> None:
        name, equals, value = text[1:].partition("=")  # a name has at least one character, even a "="
        name = text[:1] + name
        entry, shown = self._find_long(name)
        if entry.spec.kind == "flag":
            if equals:
                raise _Rejected(f"Option {shown} does not take an argument")
            self._accept(entry)
        elif equals and not value:
            raise _Rejected(f"Option {shown} requires an argument")
        else:
            self._accept(entry, _checked(entry.spec.kind, value if equals else self._next_word(shown), shown))
            if entry.spec.kind == "two":
                self.options.append(self._next_word(shown))

    def _read_short(self, letter: str, rest: str) -> None:
        entry = next((table[letter] for table in self.tables if letter in table), None)
        if entry is None or entry.spec.kind == "flag":
            # The rest of a bundle is read as options of its own, also behind a letter that is unknown.
            self.waiting += [f"-{rest}"] * bool(rest)
        if entry is None:
            raise _Rejected(f"Unknown option: {letter}")
        if entry.spec.kind == "flag":
            self._accept(entry)
        else:
            self._read_short_value(entry, letter, rest)

    def _read_short_value(self, entry: _Entry, letter: str, rest: str) -> None:
        number = _INTEGER.match(rest) if entry.spec.kind == "integer" else None
        if number and number.end() < len(rest):
            # -n5y is -n 5 -y
            self.waiting.append(f"-{rest[number.end() :]}")
            rest = number.group()
        try:
            value = _checked(entry.spec.kind, rest or self._next_word(letter), letter)
        except _Rejected:
            self.waiting += [f"-{rest}"] * bool(rest)
            raise
        self._accept(entry, value)

    def _next_word(self, shown: str) -> str:
        if not self.waiting:
            raise _Rejected(f"Option {shown} requires an argument")
        return self.waiting.pop()

    def _accept(self, entry: _Entry, value: str | None = None) -> None:
        name = ("no-" if entry.negated else "") + entry.spec.names[0]
        if len(name) == 1:
            self.options.append(f"-{name}{value or ''}")
        else:
            self.options.append(f"--{name}" + (f"={value}" if value is not None else ""))

    def _find_long(self, text: str) -> tuple[_Entry, str]:
        """The option that ``text`` names or abbreviates, and its full spelling, which complaints use."""
        name = text.lower()
        for table in self.tables:
            if name in table:
                return table[name], name
        hits = next((hits for table in self.tables if name and (hits := _starting_with(name, table))), {})
        if len({entry.identity for entry in hits.values()}) > 1:
            raise _Rejected(f"Option {name} is ambiguous ({', '.join(sorted(hits))})")
        if not hits:
            raise _Rejected(f"Unknown option: {name}" if name else "Missing option after --")
        spelling, entry = next(iter(hits.items()))
        return entry, spelling if len(hits) == 1 else entry.identity


def _table(specs: Iterable[OptionSpec]) -> dict[str, _Entry]:
    return {name: entry for spec in specs for name, entry in _spellings(spec)}


def _spellings(spec: OptionSpec) -> Iterator[tuple[str, _Entry]]:
    for name in spec.names:
        yield name, _Entry(spec, negated=False)
        if spec.negatable:
            yield f"no{name}", _Entry(spec, negated=True)
            yield f"no-{name}", _Entry(spec, negated=True)


def _starting_with(prefix: str, table: _Table) -> dict[str, _Entry]:
    return {name: entry for name, entry in table.items() if name.startswith(prefix) and not entry.spec.whole}


def _checked(kind: Kind, value: str, shown: str) -> str:
    if kind == "integer":
        if not _INTEGER.fullmatch(value):
            raise _Rejected(f'Value "{value}" invalid for option {shown} (number expected)')
        return str(int(value.replace("_", "")))
    if kind == "pair" and "=" not in value:
        raise _Rejected(f'Option {shown}, key "{value}", requires a value')
    return value
