"""MySQL's option files (my.cnf): what the mysql client finds in them.

Source: https://mariadb.com/kb/en/configuring-mariadb-with-option-files/. Not read are the encrypted
``.mylogin.cnf`` and what is included more than ten files deep.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

GROUPS = ("client", "client-server", "client-mariadb", "mysql", "mariadb-client")
"""The groups that the client reads."""
_DEPTH = 10
_LINE = re.compile(
    r"\s*(?:\[(?P<group>[^\]]*)\]|!(?P<include>include(?:dir)?)\s+(?P<path>.*?)|"
    r"(?P<key>[^=#;\s][^=#]*?)\s*(?:=\s*(?P<value>'[^']*'|\"[^\"]*\"|[^#]*?))?)\s*(?:#.*)?$"
)
_ESCAPES = {"b": "\b", "t": "\t", "n": "\n", "r": "\r", "\\": "\\", "s": " ", '"': '"', "'": "'"}


def read_options(environ: Mapping[str, str]) -> dict[str, str]:
    """The options of the client's groups, by their names with dashes; the later file wins."""
    found: dict[str, str] = {}
    for path in _places(environ):
        for group, key, value in _read(path, 0):
            if group in GROUPS:
                found[key] = value
    return found


def _places(environ: Mapping[str, str]) -> Iterator[Path]:
    yield Path("/etc/my.cnf")
    yield Path("/etc/mysql/my.cnf")
    for variable in ("MARIADB_HOME", "MYSQL_HOME"):
        if environ.get(variable):
            yield Path(environ[variable]) / "my.cnf"
    home = environ.get("HOME") or environ.get("USERPROFILE")
    if home:
        yield Path(home) / ".my.cnf"


def _read(path: Path, depth: int) -> Iterator[tuple[str, str, str]]:
    group = ""
    for line in _lines(path):
        match = _LINE.match(line)
        if match is None:
            continue
        if match["group"] is not None:
            group = match["group"].strip().lower()
        elif match["include"]:
            for included in _included(match["include"], Path(match["path"])) if depth < _DEPTH else ():
                yield from _read(included, depth + 1)
        else:
            yield group, match["key"].lower().replace("_", "-"), _value(match["value"] or "")


def _lines(path: Path) -> list[str]:
    try:
        if os.name == "posix" and path.stat().st_mode & 0o002:
            return []  # the client ignores what everybody may write
        return path.read_text("utf-8", "replace").splitlines()
    except OSError:
        return []


def _included(how: str, path: Path) -> list[Path]:
    if how == "include":
        return [path]
    try:
        return sorted(path.glob("*.cnf"))
    except OSError:
        return []


def _value(text: str) -> str:
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        text = text[1:-1]
    return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[0]), text)
