"""Whatever a file holds: whoever reads it answers with a value or one of our errors."""

from __future__ import annotations

import codecs
from collections.abc import Callable
from pathlib import Path

import pytest

from sqitchpy.config import parse_config
from sqitchpy.config.pyproject import pyproject_layer
from sqitchpy.errors import SqitchpyError
from sqitchpy.plan import parse_plan
from sqitchpy.script.shape import examine
from sqitchpy.script.source import Source

SEEDS = {
    "nothing": b"",
    "nul": b"\0",
    "nuls": bytes(3000),
    "every byte": bytes(range(256)) * 3,
    "every byte backwards": bytes(reversed(range(256))),
    "only a mark": codecs.BOM_UTF8,
    "two marks": codecs.BOM_UTF8 * 2 + b"%project=a\n",
    "utf-16": "%project=a\n[core]\nSELECT 1;\n".encode("utf-16"),
    "utf-32": "%project=a\n[core]\nSELECT 1;\n".encode("utf-32"),
    "half a character": b"%project=a\n\xf0\x9f\x98",
    "a surrogate": b"[core]\nk = \xed\xa0\x80\n",
    "overlong": b"%project=a\n\xc0\xaf\n",
    "latin-1": "%project=prüfung\n[prüfung]\nSELECT 'ü';\n".encode("latin-1"),
    "other ends of lines": "%project=a\x85[core]\u2028k = v\u2029\x0b\x0c\x1c\r\r\n".encode(),
    "direction marks": "%project=a\n\u202e[core]\u2066\nk\u200b=v\n".encode(),
    "digits of elsewhere": "%project=a\n\na ２０２４-01-02T03:04:05Z A <a> # ٣\n[core]\nlogging = ٣\n".encode(),
    "a year that is none": b"%project=a\n\na 99999999999999999999-99-99T99:99:99Z A <a>\n",
    "a number too long to be one": b"\\if " + b"9" * 5000 + b"\nSELECT :" + b"9" * 5000 + b"\n[a]\nk=" + b"9" * 5000,
    "an offset too long": b"%project=a\n\na [b~" + b"9" * 5000 + b"] 2024-01-02T03:04:05Z A <a>\n",
    "open everything": b"[\"({<'`$$/*%@!#;:\\",
    "closed everything": b"]\")}>'`$$*/%@!#;:\\",
    "archive": b"PGDMP\x01\x0e\0",
    "formats": b"%s%n%(x)s{0}{}{a.b}${HOME}$$${\n[core]\nk = ${X${Y}}\n",
    "dots": b"[..]\n.=.\n../.. 2024-01-02T03:04:05Z . <.>\n\\i ../../../..\n",
    "a long name": b"\\i " + b"n" * 5000 + b"\n",
    "nobody's home": b"\\i ~nobody-at-all/x\n",
    "an environment": b"\\setenv = x\n\\setenv A=B\n\\getenv a =\n",
    "toml": b"[tool.sqitchpy]\na = 1979-05-27\nb = nan\nc = [[[]]]\n[tool.sqitchpy.core]\n",
    "deep toml": b"[tool]\nsqitchpy = " + b"[" * 3000,
    "toml that is a number": b"tool = 1\n# sqitchpy",
    "deep parentheses": b"(" * 5000 + b"\n[" + b"[" * 5000,
    "deep comments": b"/*" * 5000 + b"\n",
    "deep conditions": b"\\if 1\n" * 5000,
}


def plan(path: Path) -> object:
    return parse_plan(path.read_bytes(), path.name)


def config(path: Path) -> object:
    return parse_config(path.read_bytes(), path.name)


def pyproject(path: Path) -> object:
    return pyproject_layer(path.parent)


def script(path: Path) -> object:
    return examine(Source(path.name, path.parent), {})


@pytest.mark.parametrize("read", [plan, config, pyproject, script])
@pytest.mark.parametrize("seed", SEEDS)
def test_a_nasty_file_is_read_or_refused(tmp_path: Path, seed: str, read: Callable[[Path], object]) -> None:
    path = tmp_path / "pyproject.toml"
    path.write_bytes(SEEDS[seed])
    try:
        found = read(path)
    except SqitchpyError as error:
        found = error.message
    assert found is not None or read is pyproject
