"""Where text goes: results to stdout, errors to stderr, nothing of one kind to the other, and all of it at once.

The kinds are Sqitch's: *info* tells of progress and is silenced by ``--quiet``, *emit* is a result, a *comment* is a
result behind ``#``, a *warning* and an *error* go to stderr. With ``--json`` stdout holds one document and nothing
else.
"""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from typing import Literal, NamedTuple, TextIO

Channel = Literal["info", "emit", "error"]
Mood = Literal["plain", "good", "bad"]

_MOODS: Mapping[Mood, str] = {"good": "\x1b[32m", "bad": "\x1b[31m"}
_RESET = "\x1b[0m"


class Piece(NamedTuple):
    """A piece of output: the text with its line end, if it has one, and where it belongs."""

    channel: Channel
    text: str
    mood: Mood = "plain"


class Nowhere(io.StringIO):
    """A stream that forgets, for when the real one is gone."""

    def write(self, text: str) -> int:
        """Take the text, keep nothing."""
        return len(text)


class Console:
    """Writes to the two streams. ``verbosity`` is 0 for ``--quiet``, 1 by default, 2 and more for ``-VV`` and so on."""

    def __init__(
        self,
        out: TextIO,
        err: TextIO,
        *,
        verbosity: int = 1,
        as_json: bool = False,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.out = out
        self.err = err
        self.verbosity = verbosity
        self.as_json = as_json
        self.documented = False
        self.terminal = is_terminal(out)
        environ = os.environ if environ is None else environ
        self.moving = self.terminal and environ.get("TERM") != "dumb"
        """Whether the cursor can be sent back, for something that moves."""
        self.colored = self.moving and not environ.get("NO_COLOR")  # https://no-color.org

    def info(self, text: str) -> None:
        """Progress: a line on stdout unless ``--quiet``."""
        self.write(Piece("info", f"{text}\n"))

    def emit(self, text: str) -> None:
        """A result: a line on stdout."""
        self.write(Piece("emit", f"{text}\n"))

    def emit_bytes(self, data: bytes) -> None:
        """A result that may be in any encoding: as it is, with a line end after it."""
        if self.hears("emit"):
            self.out.flush()
            if isinstance(self.out, io.TextIOWrapper):
                self.out.buffer.write(data + b"\n")
            else:
                self.out.write(data.decode("utf-8", "replace") + "\n")
            self.out.flush()

    def comment(self, text: str) -> None:
        """A result behind ``#``; every line of it."""
        self.emit(commented(text))

    def warn(self, text: str) -> None:
        """A warning: on stderr, each line behind ``warning:``."""
        self.vent("\n".join(f"warning: {line}" for line in text.split("\n")))

    def vent(self, text: str) -> None:
        """An error: a line on stderr."""
        self.write(Piece("error", f"{text}\n"))

    def hears(self, channel: Channel) -> bool:
        """Whether something on that channel is shown."""
        return channel == "error" or not (self.as_json or (channel == "info" and self.verbosity < 1))

    def write(self, piece: Piece) -> None:
        """Write a piece and push it out, so that it can be read before whatever comes next has happened."""
        if not self.hears(piece.channel):
            return
        if piece.channel == "error":
            self.err.write(piece.text)
            self.err.flush()
        else:
            self.out.write(self._styled(piece))
            self.out.flush()

    def document(self, value: object) -> None:
        """The one document of ``--json``; only the first one counts."""
        if self.as_json and not self.documented:
            import json

            self.documented = True
            self.out.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")
            self.out.flush()

    def _styled(self, piece: Piece) -> str:
        return style(piece) if self.colored else piece.text


def style(piece: Piece) -> str:
    """The text with the colour of its mood around all but its line end."""
    code = _MOODS.get(piece.mood)
    if not code:
        return piece.text
    line = piece.text.rstrip("\n")
    return f"{code}{line}{_RESET}{piece.text[len(line) :]}"


def commented(text: str) -> str:
    """Each line behind ``# ``, also an empty one, as Sqitch writes comments."""
    return "\n".join(f"# {line}" for line in text.split("\n"))


def is_terminal(stream: TextIO) -> bool:
    """Whether a person is looking; a closed stream is nobody's."""
    return not stream.closed and stream.isatty()
