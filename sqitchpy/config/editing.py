"""Editing the text of a ``sqitch.conf``: text in, text out. What is not edited stays as it is, byte for byte.

Where things go is Sqitch's (Perl's Config::GitLike), so that either tool leaves the same file: a new key behind the
last one of its section, a new section at the end of the file, a removed section together with what stands between it
and the next, and the line feeds at the end of the file reduced to one.

A text is ``None`` where there is no file yet. Bytes that are not UTF-8 may be in it as surrogate escapes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Literal

from sqitchpy.config.keys import header, unquoted, writable_key
from sqitchpy.config.syntax import Piece, scan, unified
from sqitchpy.errors import ConfigError

Mode = Literal["set", "add", "replace-all"]
Matches = Callable[[str | None], bool]
"""Whether a value is meant, where not all values of a key are."""

_NEEDS_QUOTES = re.compile(r"\A\s|[;#]|\s\Z")
_OUTSIDE = {"\\": r"\\", '"': r"\"", "\t": r"\t", "\n": r"\n"}
_RUNS = re.compile(r"[^\S\t\n]+|[;#]+")


def set_value(text: str | None, key: str, value: str, *, mode: Mode = "set", matches: Matches | None = None) -> str:
    """Give a key a value.

    ``set`` replaces the one value there is, ``add`` keeps it, ``replace-all`` puts one value in the place of all those
    that match. What does not match is kept.

    Raises:
        ConfigError: ``set``, and there are several values; a key that the file could not hold.
    """
    wanted = writable_key(key)
    text, newline = _opened(text)
    pieces = _pieces(text)
    own = [piece for piece in pieces if piece.place == wanted.place]
    found = [piece for piece in own if _is(piece, wanted.name, matches)]
    if len(found) > 1 and mode == "set":
        raise ConfigError("Cannot overwrite multiple values with a single value", hint="--replace-all replaces them")
    definition = f"{wanted.name} = {write_value(value)}"
    if found and mode != "add":
        *others, last = found
        text = text[: last.start] + definition + text[last.end :]
        text = _without(text, others)
    elif own:
        text = _inserted(text, definition, own[-1], pieces)
    else:
        text = f"{text}{wanted.header}\n\t{definition}\n"
    return _closed(text, newline)


def unset(text: str | None, key: str, path: str, *, every: bool = False, matches: Matches | None = None) -> str:
    """Remove a key's value, with its line; ``every`` one of them, if there may be several.

    Raises:
        ConfigError: there is none (``path`` is for that message), or there are several.
    """
    wanted = writable_key(key)
    text, newline = _opened(text)
    found = [piece for piece in _pieces(text) if piece.place == wanted.place and _is(piece, wanted.name, matches)]
    if len(found) > 1 and not every:
        raise ConfigError("Cannot unset key with multiple values", hint="--unset-all removes them")
    if not found:
        raise ConfigError(f"No occurrence of {key} found to unset in {path}")
    return _closed(_without(text, found), newline)


def rename_section(text: str, old: str, new: str) -> str:
    """Rename every header of a section. Raises ConfigError when there is none."""
    text, newline = _opened(text)
    headers = [piece for piece in _in_section(text, old) if piece.name is None]
    _require(headers, old)
    first, dot, rest = unquoted(new).partition(".")
    for piece in reversed(headers):
        text = text[: piece.start] + header(first, rest if dot else None) + text[piece.end :]
    return _closed(text, newline)


def remove_section(text: str, name: str) -> str:
    """Remove a section, from each of its headers to the next one of another. Raises ConfigError when there is none."""
    text, newline = _opened(text)
    meant = unquoted(name).lower()
    runs = [(inside, next(run).start) for inside, run in groupby(_pieces(text), lambda piece: _lower(piece) == meant)]
    _require([run for run in runs if run[0]], name)
    ends = [start for _, start in runs[1:]] + [len(text)]
    for (inside, start), end in reversed(list(zip(runs, ends, strict=True))):
        if inside:
            text = text[:start] + text[end:]
    return _closed(text, newline)


def has_section(text: str, name: str) -> bool:
    """Whether there is a header of that section."""
    return any(piece.name is None for piece in _in_section(_opened(text)[0], name))


def append_comment(text: str | None, lines: Sequence[str]) -> str:
    """Add comment lines at the end; the ``#`` follows a line's indentation."""
    text, newline = _opened(text)
    comments = [re.sub(r"\A([\t ]*)", r"\1# ", line) for line in "\n".join(lines).split("\n")]
    return _closed(text + "".join(f"{line}\n" for line in comments), newline)


def write_value(value: str) -> str:
    """A value as the file has it: as Sqitch writes it, if that is read back as the same value, else more carefully.

    Sqitch loses a run of blanks, and what it escapes inside quotes.
    """
    escaped = _escaped(value)
    plain = f'"{escaped}"' if _NEEDS_QUOTES.search(value) else escaped
    if _read_back(plain) == value:
        return plain
    pieces, position = [], 0
    for run in _RUNS.finditer(value):
        lone = run[0] == " " and run.start() > 0 and run.end() < len(value)
        pieces += [_escaped(value[position : run.start()]), run[0] if lone else f'"{run[0]}"']
        position = run.end()
    return "".join([*pieces, _escaped(value[position:])])


def _escaped(text: str) -> str:
    return "".join(_OUTSIDE.get(character, character) for character in text)


def _read_back(written: str) -> str | None:
    try:
        (_, found) = scan(f"[a]\nb = {written}\n", "")
    except (ConfigError, ValueError):
        return None
    return found.value


def _opened(text: str | None) -> tuple[str, str]:
    return ("", "\n") if text is None else unified(text)


def _closed(text: str, newline: str) -> str:
    return text if newline == "\n" else text.replace("\n", newline)


def _pieces(text: str) -> list[Piece]:
    return list(scan(text, "the file"))


def _is(piece: Piece, name: str, matches: Matches | None) -> bool:
    same = piece.name is not None and piece.name.lower() == name.lower()
    return same and (matches is None or matches(piece.value))


def _lower(piece: Piece) -> str:
    return piece.place.lower()


def _in_section(text: str, name: str) -> list[Piece]:
    meant = unquoted(name).lower()
    return [piece for piece in _pieces(text) if _lower(piece) == meant]


def _require(found: Sequence[object], name: str) -> None:
    if not found:
        raise ConfigError("No such section!", hint=f"There is no section {name} in the file")


def _inserted(text: str, definition: str, before: Piece, pieces: Sequence[Piece]) -> str:
    """The text with a key on a line of its own behind another piece; also where a further header shares its line."""
    at = text.index("\n", before.end)
    if any(before.end <= piece.start < at for piece in pieces):  # Sqitch would write into that header's section
        return f"{text[: before.end]}\n\t{definition}\n{text[before.end :].lstrip()}"
    return f"{text[:at]}\n\t{definition}{text[at:]}"


def _without(text: str, pieces: Sequence[Piece]) -> str:
    """The text without some keys: each goes with its line, or with what follows a header on the header's line."""
    for piece in reversed(pieces):
        start = max(text.rfind("\n", 0, piece.start), text.rfind("]", 0, piece.start) + 1)
        text = text[:start] + text[text.index("\n", piece.end) :]
    return text
