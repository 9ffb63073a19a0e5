"""Keys as one types them: ``core.engine``, ``target.prod.uri``, ``core."odd.name"``. Pure."""

from __future__ import annotations

import re
from typing import NamedTuple

from sqitchpy.errors import ConfigError

_QUOTED_NAME = re.compile(r"\.[\"'](.*)[\"']$")
_NAME = re.compile(r"[^=\n\[#;][^=\n#;]*")
_BAD_SECTION = re.compile(r'[\s\[\]"]')
_HINT = "A key is SECTION.NAME or SECTION.SUBSECTION.NAME, like core.engine or target.production.uri"


class Key(NamedTuple):
    """A key taken apart, each part as it was typed."""

    section: str
    subsection: str | None
    name: str

    @property
    def place(self) -> str:
        """The section as the syntax compares it: its first part in lower case, the subsection as it is."""
        return place(self.section, self.subsection)

    @property
    def canonical(self) -> str:
        """The key as the configuration stores it."""
        return f"{self.place}.{self.name.lower()}"

    @property
    def header(self) -> str:
        """The section's header, as a new one is written."""
        return header(self.section, self.subsection)


def split_key(text: str) -> Key | None:
    """Take a key apart; None if it has no section. The name is what follows the last dot, unless it is in quotes."""
    if quoted := _QUOTED_NAME.search(text):
        section, name = text[: quoted.start()], quoted[1]
    else:
        section, dot, name = text.rpartition(".")
        section, name = unquoted(section), unquoted(name)
    first, dot, rest = section.partition(".")
    return Key(first, rest if dot else None, name) if first else None


def readable_key(text: str) -> Key:
    """A key to look up. Raises ConfigError (Sqitch's words) when it has no section."""
    key = split_key(text)
    if key is None:
        raise ConfigError(f"No section given in key: {text}", hint=_HINT)
    return key


def writable_key(text: str) -> Key:
    """A key to write. Raises ConfigError (Sqitch's words) when the file could not hold it."""
    key = split_key(text)
    if key is None:
        raise ConfigError(f"No section given in key or invalid key {text}", hint=_HINT)
    if not _NAME.fullmatch(key.name) or key.name[0] in " \t" or key.name[-1] in " \t+":
        raise ConfigError(
            f"Invalid variable name {key.name}", hint="A name has no = # ; or edge blanks, and no [ first"
        )
    if _BAD_SECTION.search(key.section):
        raise ConfigError(f"Invalid section name {key.section}", hint='A section has no blanks and no [ ] "')
    if "\n" in (key.subsection or ""):
        raise ConfigError(f"Invalid section name {key.place}", hint="A name in a header is one line")
    return key


def place(section: str, subsection: str | None) -> str:
    """Section and subsection, to compare."""
    return section.lower() if subsection is None else f"{section.lower()}.{subsection}"


def header(section: str, subsection: str | None) -> str:
    """A section's header."""
    if subsection is None:
        return f"[{section}]"
    escaped = subsection.replace("\\", "\\\\").replace('"', r"\"")
    return f'[{section} "{escaped}"]'


def unquoted(text: str) -> str:
    """The text without the pairs of quotes around its parts (``a."b.c"`` is ``a.b.c``)."""
    for quote in "\"'":
        parts = re.split(f"({quote}[^{quote}]+{quote}|[^.]+)", text)
        text = "".join(re.sub(f"{quote}(.*){quote}", r"\1", part, count=1) for part in parts)
    return text
