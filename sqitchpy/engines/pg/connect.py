"""Connections: opening them, and what PostgreSQL says when it will not."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

import psycopg

from sqitchpy.errors import EngineError

Params = Mapping[str, str]
MINIMUM_LIBPQ = 140000


SILENCE = {"keepalives_idle": "60", "keepalives_interval": "10", "keepalives_count": "6"}
"""When the other end has said nothing for a minute it is asked, and after another minute the connection is lost; libpq
alone would wait for two hours. (``tcp_user_timeout`` would end a COPY that only waits for a lock, too.)"""


def connect(params: Params, destination: str, *, purpose: str, encoding: str | None = None) -> psycopg.Connection[Any]:
    """Open a connection in autocommit mode. Raises EngineError when the server cannot be reached or refuses.

    ``encoding`` is the client encoding; None leaves the server's own, as psql does when it runs a file.
    """
    if psycopg.pq.version() < MINIMUM_LIBPQ:
        raise EngineError(
            f"libpq {psycopg.pq.version() // 10000} is too old: pipelines need 14",
            hint="pip install 'sqitchpy[binary]' brings a newer one.",
        )
    by_service = (
        "service" in params or "PGSERVICE" in os.environ
    )  # what that file says, libpq lets a parameter override
    settings = dict(params) if by_service else {**SILENCE, **params}
    settings.setdefault("fallback_application_name", f"sqitchpy {purpose}"[:63])
    if encoding is not None:
        settings["client_encoding"] = encoding
    try:
        connection = psycopg.connect(**settings, autocommit=True, prepare_threshold=None)  # type: ignore[arg-type]
    except psycopg.OperationalError as error:
        raise EngineError(
            _why(error), sqlstate=error.sqlstate, hint=f"{destination} was not changed. {_advice(str(error))}"
        ) from error
    except psycopg.ProgrammingError as error:  # a parameter that libpq does not know
        raise EngineError(
            f"{destination}: {error}", hint="Check the target's URI: see “sqitchpy help deploy”."
        ) from error
    if connection.info.server_version < 120000:
        version = connection.info.server_version // 10000
        connection.close()
        raise EngineError(f"PostgreSQL {version} is too old: sqitchpy needs 12 or newer", hint=None)
    return connection


def _why(error: psycopg.OperationalError) -> str:
    text = re.sub(r"\Aconnection (?:failed|is bad): ", "", str(error).strip())  # psycopg’s words before libpq’s own
    return text or "the connection failed"


def _advice(text: str) -> str:
    if "does not exist" in text and "database" in text:
        return "Create the database (createdb), or name another one in the target."
    if "password" in text:
        return "Give the password with PGPASSWORD, ~/.pgpass or SQITCH_PASSWORD."
    if "refused" in text or "No such file" in text or "could not translate" in text or "timeout" in text:
        where = " ".join(
            f"{name}={os.environ[name]}" for name in ("PGHOST", "PGPORT", "PGSERVICE") if name in os.environ
        )
        return "Is the server running, and is this where it listens?" + (f" (Environment: {where})" if where else "")
    if "too many" in text or "connection slots" in text:
        return "Wait until others have disconnected. Every job of “verify --jobs” takes a connection of its own."
    return "Check the target's URI and the PG* environment variables."
