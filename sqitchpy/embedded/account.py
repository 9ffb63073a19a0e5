"""Whom the server runs as, and what that account can reach.

PostgreSQL refuses to run as root (`Creating the PostgreSQL user account`_). A command that root runs therefore starts
the server as the existing, unprivileged account ``nobody``. No account is ever added, and no mode is ever changed
outside folders that we made ourselves.

.. _Creating the PostgreSQL user account: https://www.postgresql.org/docs/current/postgres-user.html
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from sqitchpy.errors import EmbeddedError

UNPRIVILEGED = "nobody"


@dataclass(frozen=True, slots=True)
class Account:
    """An unprivileged account of this machine."""

    name: str
    uid: int
    gid: int


def server_account() -> Account | None:
    """Return the account to run the server as, or ``None`` for the account that runs the command.

    Raises EmbeddedError when root runs the command and there is no account ``nobody``.
    """
    if os.name != "posix" or os.geteuid() != 0:
        return None
    import pwd  # absent on Windows

    try:
        entry = pwd.getpwnam(UNPRIVILEGED)
    except KeyError as error:
        raise EmbeddedError(
            f"PostgreSQL cannot run as root, and there is no account {UNPRIVILEGED!r} to run it as",
            hint="run the command as an ordinary user",
        ) from error
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def own_uid() -> int | None:
    """Return who runs the command; ``None`` where there are no such numbers (Windows)."""
    return os.geteuid() if os.name == "posix" else None


def owner_name(uid: int) -> str:
    """Return the name of an account, or its number when it has none."""
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def can_reach(account: Account | None, path: Path) -> bool:
    """Tell whether the account may read ``path`` and search every folder above it.

    It goes by owner, group and mode. Where an access control list says otherwise the answer may be wrong, and then
    PostgreSQL itself reports that it may not.
    """
    if account is None:
        return os.access(path, os.R_OK)
    real = path.resolve()
    folders = (real, *real.parents) if real.is_dir() else real.parents
    return all(_allows(folder, account, 0o1) for folder in folders) and _allows(real, account, 0o4)


def _allows(path: Path, account: Account, wanted: int) -> bool:
    facts = path.stat()
    if facts.st_uid == account.uid:
        return bool(facts.st_mode & wanted << 6)
    if facts.st_gid == account.gid:
        return bool(facts.st_mode & wanted << 3)
    return bool(facts.st_mode & wanted)


def private_folder(path: Path, uid: int | None) -> bool:
    """Tell whether ``path`` is a true folder (no link) of ``uid`` that nobody else may enter."""
    try:
        facts = path.lstat()
    except OSError:
        return False
    if uid is None:
        return stat.S_ISDIR(facts.st_mode)
    return stat.S_ISDIR(facts.st_mode) and facts.st_uid == uid and not facts.st_mode & 0o077
