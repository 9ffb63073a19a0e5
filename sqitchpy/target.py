"""Targets: a database together with the registry, client, plan and directories that go with it.

``resolve_target`` answers what Sqitch's ``target show`` does, from the configuration alone: nothing here looks at the
database, nor at the disk but to tell which files are one. Paths stay as they are configured, relative to the current
directory, with forward slashes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import NamedTuple

from sqitchpy.config import Config, expand
from sqitchpy.engines.catalog import KNOWN, find_driver, is_known
from sqitchpy.errors import SqitchpyError, TargetError
from sqitchpy.uri import DatabaseURI, parse_uri

_CLIENTS: Mapping[str, str] = {
    "pg": "psql",
    "cockroach": "psql",
    "sqlite": "sqlite3",
    "mysql": "mysql",
    "oracle": "sqlplus",
    "firebird": "isql",
    "vertica": "vsql",
    "exasol": "exaplus",
    "snowflake": "snowsql",
    "clickhouse": "clickhouse",
}


class TargetOverrides(NamedTuple):
    """What the command line says of a target: ``--db-name``, ``--db-user``, ``--registry``, ``--plan-file``, …"""

    dbname: str | None = None
    user: str | None = None
    host: str | None = None
    port: str | None = None
    registry: str | None = None
    client: str | None = None
    plan_file: str | None = None
    top_dir: str | None = None


@dataclass(frozen=True)
class Target:
    """A target with everything decided. No attribute but ``uri.password`` and ``uri.text`` holds a password."""

    name: str
    """The configured name; for a target given as a URI that URI, without its password."""
    uri: DatabaseURI
    engine: str
    registry: str
    client: str
    plan_file: str
    top_dir: str
    deploy_dir: str
    revert_dir: str
    verify_dir: str
    reworked_dir: str
    reworked_deploy_dir: str
    reworked_revert_dir: str
    reworked_verify_dir: str
    extension: str
    destination: str
    """How messages name the database."""
    protected: bool = False
    """Whether a revert has to be confirmed with the target's name."""
    config: Config = field(repr=False, compare=False, default_factory=Config)

    @property
    def variables(self) -> dict[str, str]:
        """The variables of the engine and, over them, of the target."""
        return {
            **self.config.section(f"engine.{self.engine}.variables"),
            **self.config.section(f"target.{self.name}.variables"),
        }

    def variables_for(self, command: str, overrides: Mapping[str, str] | None = None) -> dict[str, str]:
        """The variables the scripts of a command see; ``overrides`` are those of ``--set``.

        As in Sqitch ``deploy.variables`` reach revert, verify and check too, and what is configured for the engine or
        the target beats what is configured for the command.
        """
        own = ("revert", "verify", "check")
        sections = ["core", "deploy", *([command] if command in own else [])]
        merged: dict[str, str] = {}
        for section in sections:
            merged |= self.config.section(f"{section}.variables")
        return {**merged, **self.variables, **(overrides or {})}

    @property
    def registry_uri(self) -> DatabaseURI:
        """Where the registry is: beside the database for SQLite and MySQL, in a schema of the same one otherwise."""
        driver = find_driver(self.engine)
        return driver.registry_uri(self.uri, self.registry) if driver else self.uri

    @property
    def own_registry(self) -> bool:
        """Whether the registry is a database of its own."""
        driver = find_driver(self.engine)
        return driver is not None and driver.own_registry

    @property
    def registry_destination(self) -> str:
        """How messages name the registry."""
        return self.registry_uri.display if self.own_registry else self.destination

    @property
    def registry_said(self) -> bool:
        """Whether the command line says that the registry is made."""
        driver = find_driver(self.engine)
        return driver is None or driver.registry_said


def resolve_target(
    config: Config,
    name: str | None,
    *,
    environ: Mapping[str, str],
    overrides: TargetOverrides | None = None,
    system_user: str | None = None,
    directory: str = "",
) -> Target:
    """Find a target by name or URI; without one the default: SQITCH_TARGET, ``core.target``, then the engine's.

    ``${VAR}`` in a target or its URI is put in here, so that another target's unset variable does no harm.
    ``system_user`` is only shown, where nothing else names a PostgreSQL database; from ``directory`` go the paths of
    files, to tell which are one.

    Raises:
        TargetError: no such target, no engine, an engine nobody knows, a URI that cannot be read.
        ConfigError: a variable that is not set, a key with several values.
    """
    overrides = overrides or TargetOverrides()
    reference = name or environ.get("SQITCH_TARGET") or None
    reference = expand(reference, environ, "The target") if reference else _default(config, environ)
    named = ":" not in reference
    uri = parse_uri(_configured_uri(config, reference, environ) if named else reference)
    if not is_known(uri.engine):
        raise TargetError(f"Unknown engine: {uri.engine}", hint=KNOWN)
    uri = uri.override(user=overrides.user, host=overrides.host, port=overrides.port, dbname=overrides.dbname)
    settings = _Settings(config, reference if named else uri.display, uri.engine, overrides._asdict())
    return Target(
        name=settings.name,
        uri=uri,
        engine=uri.engine,
        destination=settings.name if named else _destination(uri, environ, system_user),
        protected=_is_protected(settings, uri, environ, directory),
        config=config,
        **_attributes(settings, uri.engine),
    )


def configured_targets(config: Config) -> tuple[str, ...]:
    """Every configured target, as ``resolve_target`` takes it: what ``--all`` means.

    The default target first, then the named ones, those of the engines, and ``db:{engine}:`` for an engine without;
    each group in the order of the files. ``${VAR}`` is still as it is written.
    """
    named = [name for name in config.names("target") if _raw(config, f"target.{name}.uri")]
    engines = config.names("engine")
    given = [target for engine in engines if (target := _raw(config, f"engine.{engine}.target"))]
    rest = [f"db:{engine}:" for engine in engines if not _raw(config, f"engine.{engine}.target")]
    default = default_reference(config)
    return tuple(dict.fromkeys([*([default] if default else []), *named, *given, *rest]))


def target_reference(config: Config, argument: str) -> str | None:
    """What an argument of a command means, if it means a target: its name, a database URI, or an engine's key.

    The result is for ``resolve_target``; ``None`` if the argument is something else.
    """
    if _raw(config, f"target.{argument}.uri"):
        return argument
    if argument.lower().startswith(("db:", "postgres://", "postgresql://", "embedded:", "${")):
        return argument
    return _engine_reference(config, argument) if is_known(argument) else None


def configured_attributes(config: Config, name: str, engine: str, given: Mapping[str, str | None]) -> dict[str, str]:
    """The attributes of a target that need not be there yet, by the names that ``Target`` has for them.

    ``given`` beats what is configured. The engine may be empty, or one that nobody knows. Nothing is raised but
    ConfigError for a key with several values.
    """
    return _attributes(_Settings(config, name, engine, given), engine)


class _Settings:
    """The attributes of one target by Sqitch's precedence: command line, target, engine, core. Empty is unset."""

    def __init__(self, config: Config, name: str, engine: str, given: Mapping[str, str | None]) -> None:
        self.name = name
        self.config = config
        self._sections = (f"target.{name}", *([f"engine.{engine}"] if engine else []), "core")
        self._given = given

    def get(self, key: str) -> str | None:
        return self._given.get(key) or self.configured(key)

    def truths(self, key: str) -> list[bool | None]:
        """What each section says, the target's own first; None: nothing. Raises ConfigError for what is no boolean."""
        keys = [f"{section}.{key}" for section in self._sections]
        return [self.config.get_bool(each) if self.config.setting(each) else None for each in keys]

    def configured(self, key: str) -> str | None:
        found = (self.config.get(f"{section}.{key}") for section in self._sections)
        return next(filter(None, found), None)


def _default(config: Config, environ: Mapping[str, str]) -> str:
    reference = default_reference(config)
    if reference is not None:
        return expand(reference, environ, _default_source(config))
    if not config.initialized:
        raise TargetError(
            'No project configuration found. Run the "init" command to initialize a project',
            hint="Go to the directory of the project, or name it with -C. A new one begins with\n"
            "sqitchpy init NAME --engine pg",
        )
    raise TargetError(
        "No engine specified; specify via target or core.engine",
        hint="Name a target (--target db:pg:NAME), or set core.engine in sqitch.conf",
    )


def default_reference(config: Config) -> str | None:
    """The configured default target, as ``resolve_target`` takes it; None without one and without an engine."""
    engine = (_raw(config, "core.engine") or "").rstrip()
    return _raw(config, "core.target") or (_engine_reference(config, engine) if engine else None)


def _default_source(config: Config) -> str:
    engine = (_raw(config, "core.engine") or "").rstrip()
    key = next((key for key in ("core.target", f"engine.{engine}.target") if _raw(config, key)), "core.engine")
    return f"{key} in {config.origin(key)}"


def _engine_reference(config: Config, engine: str) -> str:
    return _raw(config, f"engine.{engine}.target") or f"db:{engine}:"


def _configured_uri(config: Config, name: str, environ: Mapping[str, str]) -> str:
    key = f"target.{name}.uri"
    written = _raw(config, key)
    uri = expand(written, environ, f"{key} in {config.origin(key)}") if written else None
    if uri:
        return uri
    if config.section(f"target.{name}"):
        hint = f'Add uri = db:pg:NAME to the section [target "{name}"]'
        raise TargetError(f'No URI associated with target "{name}"', hint=hint)
    known = ", ".join(config.names("target"))
    hint = f"The configured targets are {known}" if known else "No target is configured"
    raise TargetError(f'Cannot find target "{name}"', hint=f"{hint}; a database URI begins with db:")


def _raw(config: Config, key: str) -> str | None:
    setting = config.setting(key)
    return setting.raw if setting else None


def _is_protected(settings: _Settings, uri: DatabaseURI, environ: Mapping[str, str], directory: str) -> bool:
    """What the target itself says counts, then that its database is a protected target's, then engine and core."""
    own, *general = settings.truths("protected")
    if own is not None:
        return own
    said = next((value for value in general if value is not None), False)
    return said or uri.place(directory) in _protected_places(settings.config, environ, directory)


def _protected_places(config: Config, environ: Mapping[str, str], directory: str) -> Iterator[tuple[str | None, ...]]:
    """Where the databases of the protected targets are: they are not less so when their URI is typed."""
    for name in config.names("target"):
        if config.get_bool(f"target.{name}.protected"):
            try:
                yield parse_uri(_configured_uri(config, name, environ)).place(directory)
            except SqitchpyError:  # without its ${VARIABLE} nobody knows where it is
                continue


def _attributes(settings: _Settings, engine: str) -> dict[str, str]:
    return {
        "registry": settings.get("registry") or ("" if engine == "oracle" else "sqitch"),
        "client": settings.get("client") or _default_client(engine),
        "extension": settings.get("extension") or "sql",
        **_paths(settings),
    }


def _paths(settings: _Settings) -> dict[str, str]:
    top = _clean(settings.get("top_dir") or ".")
    reworked = _clean(settings.get("reworked_dir") or top)
    paths = {"top_dir": top, "reworked_dir": reworked}
    paths["plan_file"] = _clean(settings.get("plan_file") or f"{top}/sqitch.plan")
    for kind in ("deploy", "revert", "verify"):
        configured = settings.configured(f"{kind}_dir")
        paths[f"{kind}_dir"] = _clean(settings.get(f"{kind}_dir") or f"{top}/{kind}")
        # Since 1.5.2 Sqitch puts the configured directory, whole, below reworked_dir.
        default = f"{reworked}/{configured or kind}"
        paths[f"reworked_{kind}_dir"] = _clean(settings.get(f"reworked_{kind}_dir") or default)
    return paths


def _clean(path: str) -> str:
    return str(PurePosixPath(path))


def _default_client(engine: str) -> str:
    driver = find_driver(engine) if engine not in _CLIENTS else None
    client = driver.client if driver else _CLIENTS.get(engine, engine)
    return client + (".exe" if os.name == "nt" and client else "")


def _destination(uri: DatabaseURI, environ: Mapping[str, str], system_user: str | None) -> str:
    """The URI; for PostgreSQL with the database that libpq would choose, as Sqitch guesses it for display."""
    if uri.dbname or uri.is_embedded or uri.engine not in ("pg", "cockroach"):
        return uri.display
    names = (environ.get("PGDATABASE"), environ.get("SQITCH_USERNAME"), uri.user, environ.get("PGUSER"), system_user)
    dbname = next(filter(None, names), None)
    return uri.override(dbname=dbname).display
