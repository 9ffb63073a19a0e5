"""From a target to an engine: the one place that knows which engines there are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from sqitchpy.errors import EngineError, TargetError
from sqitchpy.events import OnEvent
from sqitchpy.target import Target
from sqitchpy.uri import libpq_params, password, psql_dbname_argument

if TYPE_CHECKING:
    import psycopg

    from sqitchpy.engines.pg.facts import Facts
    from sqitchpy.engines.protocol import Engine

EMBEDDED_DATABASE = "app"
"""The database of the target ``embedded:``."""


def open_engine(
    target: Target,
    environ: Mapping[str, str],
    directory: Path,
    on_event: OnEvent,
    *,
    connection: psycopg.Connection[Any] | None = None,
    transaction: Literal["own", "caller"] = "own",
) -> Engine:
    """The engine of a target; it connects when it first has to. Raises TargetError for one that is not built."""
    if target.engine not in ("pg", "cockroach"):
        raise TargetError(
            f"This version of sqitchpy has no {target.engine} engine",
            hint=f"{target.destination} was not touched. PostgreSQL (db:pg:) is built.",
        )
    try:
        from sqitchpy.engines.pg.engine import PgEngine  # not at the top: it imports psycopg
    except ImportError as error:  # psycopg's own answer when it finds no libpq runs over many lines
        raise EngineError(
            "PostgreSQL's client library, libpq, cannot be loaded",
            hint="pip install 'sqitchpy[binary]' brings one; or install your system's libpq (14 or newer).",
        ) from error

    return PgEngine(pg_facts(target, environ, directory), on_event, connection=connection, transaction=transaction)


def pg_facts(target: Target, environ: Mapping[str, str], directory: Path) -> Facts:
    """What the PostgreSQL engine has to be told. Starts the embedded server for the target ``embedded:``."""
    from sqitchpy.engines.pg.facts import Facts

    psql, dbname, variables = target.client, psql_dbname_argument(target.uri, environ), {}
    params = libpq_params(target.uri, environ)
    if target.uri.is_embedded:
        from sqitchpy import embedded

        server = embedded.ensure_running(directory)
        name = target.uri.dbname or EMBEDDED_DATABASE
        embedded.ensure_database(server, name)
        params = {key: str(value) for key, value in server.params(name).items()}
        psql, dbname = server.psql(name)
        dbname = dbname.removeprefix("--dbname=")
    elif secret := password(target.uri, environ):
        variables = {"PGPASSWORD": secret}
    return Facts(
        params=params,
        destination=target.destination,
        registry=target.registry,
        registry_destination=target.registry_destination,
        directory=directory,
        psql=psql,
        psql_dbname=dbname,
        psql_environ=variables,
        locks=not target.uri.is_yugabyte and target.engine != "cockroach",
    )
