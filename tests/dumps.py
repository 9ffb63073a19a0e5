"""What a database holds, as pg_dump writes it, less what may differ."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence

from sqitchpy import embedded
from sqitchpy.testing import Database
from tests.conftest import need


def pg_program(name: str, server_version: int) -> str:
    """One of PostgreSQL's programs, not older than the server: the system's, else the embedded server's."""
    found = shutil.which(name)
    if found is not None and _major(found) >= server_version // 10000:
        return found
    bundled = embedded.bin_dir() / name
    need(name, bundled.exists())
    return str(bundled)


def _major(program: str) -> int:
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"\(PostgreSQL\) (\d+)", said)
    return int(found[1]) if found else 0


def schema_dump(database: Database, *options: str, schemas: Sequence[str] = (), comments: bool = False) -> list[str]:
    """``pg_dump --schema-only``, less comments, blank lines and the key that newer ones draw at random."""
    with database.connect() as connection:
        program = pg_program("pg_dump", connection.info.server_version)
    wanted = [f"--schema={schema}" for schema in schemas] + ([] if comments else ["--no-comments"])
    text = subprocess.run(
        [program, "--schema-only", *wanted, *options],
        env={**os.environ, **database.environ},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return [line for line in text.splitlines() if line and not line.startswith(("--", "\\restrict", "\\unrestrict"))]
