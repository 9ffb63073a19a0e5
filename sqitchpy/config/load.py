"""Finding and reading the configuration files, in Sqitch's order: system, user, project."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from sqitchpy.config.config import Config, Layer, merge
from sqitchpy.config.pyproject import pyproject_layer
from sqitchpy.config.syntax import parse_config
from sqitchpy.errors import ConfigError

_MAX_INCLUDE_DEPTH = 10


def load_config(*, directory: Path, environ: Mapping[str, str], home: Path | None, system_dir: Path) -> Config:
    """Read the configuration that holds in a directory.

    Lowest to highest: the system's (``$SQITCH_SYSTEM_CONFIG``, else ``sqitch.conf`` in ``system_dir``), the user's
    (``$SQITCH_USER_CONFIG``, else ``~/.sqitch/sqitch.conf``), ``[tool.sqitchpy]`` of pyproject.toml, the project's
    (``$SQITCH_CONFIG``, else ``sqitch.conf``). The project's files are looked for in the directory and then upwards;
    the paths in them stay relative to the directory, as in Sqitch. A file that is not there is no error.

    Raises:
        ConfigError: a file cannot be read or parsed.
    """
    directory = directory.resolve()
    places = config_places(environ=environ, home=home, system_dir=system_dir)
    layers: list[Layer] = []
    for path in filter(None, (places.system, places.user)):
        layers += _layers(directory / path, home, seen=layers)
    pyproject = pyproject_layer(directory)
    local = _find_upwards(directory, places.local)
    layers += [pyproject] if pyproject else []
    layers += _layers(local, home, seen=layers, required=True) if local else []
    sources = tuple(dict.fromkeys(layer.path for layer in layers))
    return Config(merge(layers), sources, initialized=bool(pyproject or local), environ=environ)


class Places(NamedTuple):
    """Where the three files are written: the local one always in the present directory."""

    local: Path
    user: Path | None
    system: Path


def config_places(*, environ: Mapping[str, str], home: Path | None, system_dir: Path) -> Places:
    """The files that ``config --local``, ``--user`` and ``--system`` mean; there is no user's without a home."""
    user = environ.get("SQITCH_USER_CONFIG") or (home / ".sqitch" / "sqitch.conf" if home else None)
    return Places(
        local=_expand_home(environ.get("SQITCH_CONFIG") or "sqitch.conf", home),
        user=_expand_home(user, home) if user else None,
        system=_expand_home(environ.get("SQITCH_SYSTEM_CONFIG") or system_dir / "sqitch.conf", home),
    )


def load_file(path: Path, *, environ: Mapping[str, str], home: Path | None) -> Config:
    """Read one configuration file, and what it includes. Raises ConfigError as :func:`load_config`."""
    layers = _layers(path, home, seen=[])
    return Config(merge(layers), (path,), initialized=True, environ=environ)


def _find_upwards(directory: Path, name: Path) -> Path | None:
    return next((folder / name for folder in (directory, *directory.parents) if (folder / name).is_file()), None)


def _expand_home(path: Path | str, home: Path | None) -> Path:
    text = str(path)
    return Path(str(home) + text[1:]) if home and text.startswith("~") else Path(text)


def _layers(path: Path, home: Path | None, *, seen: list[Layer], required: bool = False) -> list[Layer]:
    """The layers of one of the three files; none if it has been read already, as another of the three."""
    path = _resolved(path)
    if any(layer.path == path for layer in seen):
        return []
    if required and not os.access(path, os.R_OK):
        raise ConfigError(f"Cannot read {path}: permission denied", exit_code=255)
    return list(_file_layers(path, home, depth=0))


def _file_layers(path: Path, home: Path | None, *, depth: int) -> Iterator[Layer]:
    """A file's entries, cut at each ``include.path`` so that what is included stands in its place.

    The depth is counted as in Sqitch: eleven files below the first are read, a twelfth is one too many.
    """
    try:
        entries = parse_config(path.read_bytes(), path)
    except OSError:  # not there, or not ours to read (~ of another user under sudo): Sqitch goes on as well
        return
    done = 0
    for index, entry in enumerate(entries, 1):
        if entry.path != "include.path":
            continue
        yield Layer(path, entries[done:index])
        done = index
        if depth > _MAX_INCLUDE_DEPTH:
            message = f"Exceeded maximum include depth ({_MAX_INCLUDE_DEPTH}) while including {entry.value} from {path}"
            raise ConfigError(message, hint="Does a file include itself?", exit_code=255)
        included = _resolved(path.parent / _expand_home(entry.value or "", home))
        yield from _file_layers(included, home, depth=depth + 1)
    yield Layer(path, entries[done:])


def _resolved(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError):  # a loop of symbolic links; reading it will find no file
        return path
