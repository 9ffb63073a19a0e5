"""``[tool.sqitchpy]`` of pyproject.toml, as one more place for what ``sqitch.conf`` holds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sqitchpy.config.config import Layer
from sqitchpy.config.syntax import Entry
from sqitchpy.errors import ConfigError


def pyproject_layer(directory: Path) -> Layer | None:
    """The settings of the nearest pyproject.toml, upwards, that has a ``[tool.sqitchpy]``.

    Raises:
        ConfigError: that file is not TOML, or holds what is not a setting (exit code 255).
    """
    for folder in (directory, *directory.parents):
        path = folder / "pyproject.toml"
        table = _tool_table(path)
        if table is not None:
            return Layer(path, tuple(_entries(table, (), path)), expands=True)
    return None


def _tool_table(path: Path) -> dict[str, object] | None:
    try:
        data = path.read_bytes()
    except OSError:
        return None
    if b"sqitchpy" not in data:  # spares the import, and other people's broken files
        return None
    import tomllib

    try:
        tool = tomllib.loads(data.decode("utf-8")).get("tool", {})
    except (ValueError, RecursionError) as error:  # the latter for arrays in arrays in arrays …
        hint = "A key and a table of one name cannot stand side by side: beside [tool.sqitchpy.engine.pg] write " + (
            "[tool.sqitchpy.core] with engine = …"
        )
        raise ConfigError(f"Error parsing {path}: {error}", hint=hint, exit_code=255) from error
    table = tool.get("sqitchpy") if isinstance(tool, dict) else None
    return table if isinstance(table, dict) else None


def _entries(table: dict[str, object], above: tuple[str, ...], path: Path) -> Iterator[Entry]:
    """The entries of a table and of those in it. A key right in ``[tool.sqitchpy]`` is one of ``core``."""
    section, *below = above or ("core",)
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _entries(value, (*above, name), path)
            continue
        for item in value if isinstance(value, list) else [value]:
            text = _text(item)
            if text is None:
                key = ".".join((*above, name))
                message = f"{key} in {path} is not a string, a number, true, false or an array of those"
                raise ConfigError(message, exit_code=255)
            yield Entry(section.lower(), ".".join(below) or None, name.lower(), name, text, 0)


def _text(value: object) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else None
