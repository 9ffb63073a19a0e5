"""Writing files: whole or not at all, several of them as nearly at once as a file system can."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path

from sqitchpy.errors import SqitchpyError


def write_files(root: Path, files: Mapping[str, bytes]) -> None:
    """Write files below ``root``, in the order given; the folders that they need are made.

    First all of them are written beside their places, and reach the disk; only then are they moved there. Whoever reads
    one meanwhile finds the old file or the new one, whole; when one cannot be written, none is changed. Symbolic links
    stay links, and a file that is replaced keeps its mode.

    Raises:
        SqitchpyError: a file cannot be written.
    """
    staged: dict[str, tuple[Path, Path]] = {}
    name = ""
    try:
        for name, data in files.items():
            place = Path(os.path.realpath(root / name))
            staged[name] = place, _stage(place, data)
        for name, (place, beside) in staged.items():  # noqa: B007 - the error names it
            beside.replace(place)
    except OSError as error:
        _discard(staged)
        raise SqitchpyError(f"Cannot write {name}: {error.strerror}") from error
    except BaseException:  # Ctrl-C
        _discard(staged)
        raise


def delete_files(root: Path, files: Iterable[str]) -> None:
    """Delete files below ``root``; one that is not there is none the less gone.

    Raises:
        SqitchpyError: a file cannot be deleted.
    """
    for name in files:
        try:
            (root / name).unlink(missing_ok=True)
        except OSError as error:
            hint = "Everything else is done. Delete it yourself; nothing refers to it any more."
            raise SqitchpyError(f"Cannot delete {name}: {error.strerror}", hint=hint) from error


def _stage(place: Path, data: bytes) -> Path:
    place.parent.mkdir(parents=True, exist_ok=True)
    beside = place.with_name(f".{place.name[:80]}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666), "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        if place.exists():
            beside.chmod(place.stat().st_mode & 0o7777)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    return beside


def _discard(staged: Mapping[str, tuple[Path, Path]]) -> None:
    for _, beside in staged.values():
        beside.unlink(missing_ok=True)
