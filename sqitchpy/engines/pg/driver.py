"""PostgreSQL as an engine: what it is told, and how it is opened."""

from __future__ import annotations

from sqitchpy.engines.protocol import Driver, Engine, Opening
from sqitchpy.errors import EngineError
from sqitchpy.uri import libpq_params, password, psql_dbname_argument


def _open(opening: Opening) -> Engine:
    """Starts the embedded server for the target ``embedded:``."""
    try:
        from sqitchpy.engines.pg.engine import PgEngine  # not at the top: it imports psycopg
        from sqitchpy.engines.pg.facts import Facts
    except ImportError as error:  # psycopg's own answer when it finds no libpq runs over many lines
        raise EngineError(
            "PostgreSQL's client library, libpq, cannot be loaded",
            hint="pip install 'sqitchpy[binary]' brings one; or install your system's libpq (14 or newer).",
        ) from error

    uri, environ = opening.uri, opening.environ
    psql, dbname, variables = opening.client, psql_dbname_argument(uri, environ), {}
    params = libpq_params(uri, environ)
    if uri.is_embedded:
        from sqitchpy import embedded
        from sqitchpy.embedded.server import DATABASE

        server = embedded.ensure_running(opening.directory)
        name = uri.dbname or DATABASE
        embedded.ensure_database(server, name)
        params = {key: str(value) for key, value in server.params(name).items()}
        psql, dbname = server.psql(name)
        dbname = dbname.removeprefix("--dbname=")
    elif secret := password(uri, environ):
        variables = {"PGPASSWORD": secret}
    facts = Facts(
        params=params,
        destination=opening.destination,
        registry=opening.registry,
        registry_destination=opening.registry_destination,
        directory=opening.directory,
        psql=psql,
        psql_dbname=dbname,
        psql_environ=variables,
        locks=not uri.is_yugabyte and uri.engine != "cockroach",
    )
    return PgEngine(facts, opening.on_event, connection=opening.connection, transaction=opening.transaction)


DRIVER = Driver(key="pg", open=_open, client="psql")
