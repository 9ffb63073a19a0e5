"""``${VAR}`` in configured values: an environment variable, put in when the value is used."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote

from sqitchpy.errors import ConfigError
from sqitchpy.patterns import lazy

_REFERENCE = lazy(r"\$(?P<literal>\$\{)|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)\}")
_IN_USERINFO = (lazy(r"//[^/?#]*\Z"), lazy(r"[^/?#]*@"))


def expand(text: str, environ: Mapping[str, str], where: str) -> str:
    """Replace each ``${VAR}`` by the variable's value; ``$${`` is a literal ``${``.

    Between ``//`` and ``@``, where a URI has its user and password, the characters that would end that part are
    percent-encoded: a password out of a secret store holds any of them.

    Raises:
        ConfigError: a variable is not set; the message has its name and ``where``, never a value.
    """

    def value(reference: re.Match[str]) -> str:
        if reference["literal"]:
            return "${"
        name = reference["name"]
        if name not in environ:
            raise ConfigError(
                f"{where} uses ${{{name}}}, but {name} is not set in the environment",
                hint=f"Set the environment variable {name}; for a literal ${{ write $${{",
            )
        before, after = _IN_USERINFO
        if before.search(text, 0, reference.start()) and after.match(text, reference.end()):
            return quote(environ[name], safe=":%!$&'()*+,;=~")
        return environ[name]

    return _REFERENCE.sub(value, text)
