r"""What becomes of each of psql's meta-commands, as data: the interpreter obeys it, docs/scripts.md prints it.

The list is that of psql 18 (PostgreSQL's documentation, psql, Meta-Commands); a test compares it with psql's ``\?``.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from sqitchpy.patterns import lazy

Treatment = Literal["done", "accepted", "refused"]


class Rule(NamedTuple):
    """How a command is treated: done as psql does, accepted without effect, or refused; and why."""

    treatment: Treatment
    why: str


_PRINTS = "it only changes how results are printed"
_SHOWS = "it only shows something"
_ASKS = "it asks somebody at a terminal"
_LEAVES = "it would leave the session, and with it the transaction"
_PROTOCOL = "it works on the level of the protocol, which is ours here"
_WRITES = "it writes query results somewhere else"
_LARGE = "it moves large objects between files and the database"

RULES: dict[str, Rule] = {
    **dict.fromkeys(("set", "unset", "getenv", "setenv"), Rule("done", "variables")),
    **dict.fromkeys(("echo", "qecho", "warn"), Rule("done", "writes text")),
    **dict.fromkeys(("i", "include", "ir", "include_relative"), Rule("done", "reads another file")),
    **dict.fromkeys(("if", "elif", "else", "endif"), Rule("done", "conditions")),
    **dict.fromkeys(("g", "gx"), Rule("done", "sends the statement; refused with a file or a pipe, " + _WRITES)),
    "gset": Rule("done", "keeps a row as variables"),
    "gexec": Rule("done", "runs each value of the result"),
    "gdesc": Rule("done", "prints the names and types of the result's columns"),
    "crosstabview": Rule("done", "prints the result with one column across"),
    "copy": Rule("done", "copies between a table and a file, a program or the script; from pstdin it is refused"),
    "!": Rule("done", "runs a command of the system, unless core.shell is false"),
    "encoding": Rule("done", "sets or shows client_encoding"),
    "p": Rule("done", "prints the statement so far"),
    "print": Rule("done", "prints the statement so far"),
    "r": Rule("done", "forgets the statement so far"),
    "reset": Rule("done", "forgets the statement so far"),
    "q": Rule("done", "ends the file"),
    "quit": Rule("done", "ends the file"),
    **dict.fromkeys(("restrict", "unrestrict"), Rule("done", "as pg_dump writes them since 2025")),
    **dict.fromkeys(
        ("a", "C", "f", "H", "html", "pset", "t", "T", "x", "timing", "errverbose"), Rule("accepted", _PRINTS)
    ),
    **dict.fromkeys(
        ("conninfo", "copyright", "h", "help", "?", "l", "list", "s", "z", "sf", "sv", "dconfig"),
        Rule("accepted", _SHOWS),
    ),
    "o": Rule("accepted", "without an argument; with one it is refused: " + _WRITES),
    "out": Rule("accepted", "without an argument; with one it is refused: " + _WRITES),
    **dict.fromkeys(("c", "connect"), Rule("refused", _LEAVES)),
    **dict.fromkeys(("prompt", "password"), Rule("refused", _ASKS)),
    **dict.fromkeys(("e", "edit", "ef", "ev"), Rule("refused", _ASKS)),
    **dict.fromkeys(
        (
            "bind",
            "bind_named",
            "parse",
            "close_prepared",
            "startpipeline",
            "sendpipeline",
            "syncpipeline",
            "endpipeline",
            "flush",
            "flushrequest",
            "getresults",
        ),
        Rule("refused", _PROTOCOL),
    ),
    **dict.fromkeys(("w", "write"), Rule("refused", _WRITES)),
    "watch": Rule("refused", "it repeats a statement until somebody stops it"),
    "cd": Rule("refused", "scripts are run from the project's directory"),
    **dict.fromkeys(("lo_export", "lo_import", "lo_list", "lo_unlink"), Rule("refused", _LARGE)),
}

_DESCRIBES = lazy(r"(d[A-Za-z]{0,3}|l|z|sf|sv|lo_list)[S+x]*")


def rule_for(name: str) -> Rule | None:
    r"""How a command is treated; None for one that psql does not know either. ``\d`` and its kin only show."""
    if name in RULES:
        return RULES[name]
    if _DESCRIBES.fullmatch(name):
        return Rule("accepted", _SHOWS)
    return None
