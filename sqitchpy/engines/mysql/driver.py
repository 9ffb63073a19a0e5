"""MySQL and MariaDB as an engine: where the registry is, and how it is opened."""

from __future__ import annotations

from sqitchpy.engines.protocol import Driver, Engine, Opening
from sqitchpy.errors import EngineError
from sqitchpy.uri import DatabaseURI


def _open(opening: Opening) -> Engine:
    try:
        from sqitchpy.engines.mysql.backend import MysqlBackend  # not at the top: it imports PyMySQL
    except ImportError as error:
        raise EngineError(
            "PyMySQL, which the mysql engine needs, cannot be loaded", hint="pip install 'sqitchpy[mysql]' brings it."
        ) from error
    from sqitchpy.engines.dbapi.engine import DbapiEngine

    return DbapiEngine(MysqlBackend, opening, "mysql")


def _registry_uri(uri: DatabaseURI, registry: str) -> DatabaseURI:
    """A database of its own on the same server."""
    return uri.override(dbname=registry)


DRIVER = Driver(
    key="mysql", open=_open, client="mysql", registry_uri=_registry_uri, own_registry=True, registry_said=False
)
