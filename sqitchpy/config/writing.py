"""Changing a configuration file on the disk, in one step that no other process can come in between."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from sqitchpy.config.syntax import parse_config
from sqitchpy.errors import ConfigError

_BOM = "\ufeff"


def edit_file(path: Path, edit: Callable[[str | None], str]) -> None:
    """Give the text of a configuration file to ``edit`` (``None`` when there is no file) and write what it returns.

    While that happens the file is locked as Sqitch locks it, by a ``.lock`` beside it, which then takes its place: a
    reader finds the old file or the new one, whole. Mode, symbolic links and bytes that are not UTF-8 stay.

    Raises:
        ConfigError: the file cannot be read or written, or another process is about to write it.
    """
    real = Path(os.path.realpath(path))
    with _told(path):
        with _locked(real, path) as (lock, stream):
            data = real.read_bytes() if real.exists() else None
            if data is not None:
                parse_config(data, path)
                lock.chmod(real.stat().st_mode & 0o7777)
            stream.write(_edited(data, edit))
            stream.flush()
            os.fsync(stream.fileno())
        _sync(real.parent)


def read_text(path: Path) -> str | None:
    """The text of a configuration file, ``None`` if there is none. Raises ConfigError."""
    with _told(path):
        return path.read_bytes().decode("utf-8", "surrogateescape") if path.exists() else None


def _edited(data: bytes | None, edit: Callable[[str | None], str]) -> bytes:
    text = None if data is None else data.decode("utf-8", "surrogateescape")
    bom = _BOM if text and text.startswith(_BOM) else ""
    edited = bom + edit(text.removeprefix(_BOM) if text else text)
    return edited.encode("utf-8", "surrogateescape")


@contextmanager
def _locked(real: Path, path: Path) -> Iterator[tuple[Path, BinaryIO]]:
    """The lock file, to be written; at the end it becomes the file, or goes if something went wrong."""
    lock = real.with_name(f"{real.name}.lock")
    try:
        stream = lock.open("xb")
    except OSError as error:
        hint = f"If no other sqitch or sqitchpy is writing {path}, remove {lock}" if lock.exists() else None
        raise ConfigError(f"Can't open {path}.lock for writing: {error.strerror}", hint=hint) from error
    try:
        with stream:
            yield lock, stream
        lock.replace(real)
    except BaseException:
        lock.unlink(missing_ok=True)
        raise


def _sync(folder: Path) -> None:
    """Make the new name last; where a folder cannot be opened (Windows) there is nothing to do."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConfigError(f"Cannot write {path}: {error.strerror}") from error
