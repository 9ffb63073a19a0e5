"""Which templates a new change's scripts are made of: Sqitch's search, with our own templates at its end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from sqitchpy.errors import ConfigError, SqitchpyError
from sqitchpy.templates.bundled import CORE_SCRIPTS, OTHER, bundled_template


class Template(NamedTuple):
    """A template, and how messages call it: its file."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class TemplateSearch:
    """Where templates are looked for, and which scripts are wanted.

    ``files`` are named template files by kind of script; ``directories`` hold ``{kind}/{name}.tmpl``. ``name`` is the
    engine's key when it is None. ``wanted`` says of a kind whether its script is made; one that it does not hold is
    made where there is a template for it.
    """

    files: Mapping[str, str] = field(default_factory=dict)
    directories: Sequence[Path] = ()
    name: str | None = None
    wanted: Mapping[str, bool] = field(default_factory=dict)

    def wants(self, kind: str) -> bool:
        """Whether scripts of that kind are made."""
        return self.wanted.get(kind, True)


def find_templates(search: TemplateSearch, root: Path, engine: str) -> dict[str, Template]:
    """The templates, by kind of script.

    Raises:
        SqitchpyError: there is none for a deploy, revert or verify script that is wanted; a file cannot be read.
    """
    name = search.name or engine
    found = dict(_found(search, root, name))
    for kind in CORE_SCRIPTS:
        if kind not in found and search.wants(kind):
            text = bundled_template(kind, name) or (None if search.name else bundled_template(kind, OTHER))
            if text is None:
                hint = f"There is no {kind}/{name}.tmpl in {', '.join(map(str, search.directories))}"
                raise SqitchpyError(f"Cannot find {kind} template", hint=hint)
            found[kind] = Template(f"the {kind} template", text)
    return {kind: found[kind] for kind in sorted(found) if search.wants(kind)}


def check_template(file: str, root: Path) -> None:
    """Raise ConfigError (exit code 255, as Sqitch) unless a named template is a file."""
    if not (root / file).exists():
        raise ConfigError(f"Template {file} does not exist", exit_code=255)
    if not (root / file).is_file():
        raise ConfigError(f"Template {file} is not a file", exit_code=255)


def check_directory(directory: str, root: Path) -> None:
    """Raise ConfigError (exit code 255, as Sqitch) unless a directory of templates is one."""
    if not (root / directory).exists():
        raise ConfigError(f'Directory "{directory}" does not exist', exit_code=255)
    if not (root / directory).is_dir():
        raise ConfigError(f'"{directory}" is not a directory', exit_code=255)


def _found(search: TemplateSearch, root: Path, name: str) -> Iterator[tuple[str, Template]]:
    paths: dict[str, Path] = {}
    for directory in reversed(search.directories):
        paths |= _in_directory(root / directory, name)
    paths |= {kind: root / file for kind, file in search.files.items()}
    return ((kind, Template(str(path), _read(path))) for kind, path in paths.items() if search.wants(kind))


def _in_directory(directory: Path, name: str) -> dict[str, Path]:
    try:
        folders = sorted(path for path in directory.iterdir() if path.is_dir())
    except OSError:  # not there, or not ours to read: Sqitch goes on as well
        return {}
    files = {folder.name: folder / f"{name}.tmpl" for folder in folders}
    return {kind: file for kind, file in files.items() if file.is_file()}


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except OSError as error:
        raise SqitchpyError(f"Cannot open {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SqitchpyError(f"Cannot read {path}: it is not UTF-8", hint="Templates are UTF-8.") from error
