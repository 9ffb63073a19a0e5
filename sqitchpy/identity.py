"""Who plans and who commits: the user's name and e-mail, by Sqitch's rules."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from typing import NamedTuple

from sqitchpy.config import Config
from sqitchpy.errors import ConfigError
from sqitchpy.model import Person


class SystemUser(NamedTuple):
    """What the operating system knows of the user; each part is empty where it knows nothing."""

    login: str
    full_name: str
    host: str


def read_system_user(environ: Mapping[str, str] | None = None) -> SystemUser:
    """Ask the operating system; never fails, with no passwd entry or on Windows neither.

    The login is SQITCH_ORIG_SYSUSER, else that of the session, of the user id, LOGNAME, USER or USERNAME. The full
    name is that login's GECOS field, whole, as Sqitch takes it.
    """
    environ = os.environ if environ is None else environ
    login = environ.get("SQITCH_ORIG_SYSUSER") or _session_login() or _login_of_uid() or _login_of(environ)
    return SystemUser(login, _gecos(login), platform.node())


def resolve_user(config: Config, environ: Mapping[str, str], *, system: SystemUser) -> Person:
    """The planner of new changes and the committer of deployments.

    Name: SQITCH_FULLNAME, ``user.name``, SQITCH_ORIG_FULLNAME, the full name, the login. E-mail: SQITCH_EMAIL,
    ``user.email``, SQITCH_ORIG_EMAIL, ``login@host``. Empty values count as unset.

    Raises:
        ConfigError: neither is known, or one holds what a plan cannot hold (Sqitch's words).
    """
    login = environ.get("SQITCH_ORIG_SYSUSER") or system.login
    full_name = system.full_name if login == system.login else ""
    inferred = f"{login}@{system.host}" if login else None
    name = _first(environ, "FULLNAME", config.get("user.name")) or full_name or login
    email = _first(environ, "EMAIL", config.get("user.email")) or inferred
    return Person(_checked_name(name), _checked_email(email))


def _first(environ: Mapping[str, str], variable: str, configured: str | None) -> str | None:
    return environ.get(f"SQITCH_{variable}") or configured or environ.get(f"SQITCH_ORIG_{variable}") or None


def _checked_name(name: str) -> str:
    if not name:
        raise ConfigError('Cannot find your name; run sqitch config --user user.name "YOUR NAME"')
    if name.startswith("[") or "<" in name:
        raise ConfigError('User name may not contain "<" or start with "["', hint=_hint("name", "FULLNAME"))
    return name


def _checked_email(email: str | None) -> str:
    if not email:
        raise ConfigError("Cannot infer your email address; run sqitch config --user user.email you@host.com")
    if ">" in email:
        raise ConfigError('User email may not contain ">"', hint=_hint("email", "EMAIL"))
    return email


def _hint(key: str, variable: str) -> str:
    return f"Set user.{key} in ~/.sqitch/sqitch.conf, or SQITCH_{variable}"


def _session_login() -> str:
    try:
        return os.getlogin()
    except OSError:  # no terminal: a service, a container
        return ""


def _login_of_uid() -> str:
    try:
        import pwd
    except ImportError:  # Windows
        return ""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container that runs under a bare number
        return ""


def _login_of(environ: Mapping[str, str]) -> str:
    names = (environ.get(variable) for variable in ("LOGNAME", "USER", "USERNAME"))
    return next(filter(None, names), "")


def _gecos(login: str) -> str:
    try:
        import pwd
    except ImportError:  # Windows
        return ""
    try:
        return pwd.getpwnam(login).pw_gecos
    except (KeyError, ValueError):  # ValueError: a null character in the name
        return ""
