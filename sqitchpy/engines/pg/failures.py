"""PostgreSQL's errors as ours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg import pq
from psycopg.pq import DiagnosticField

from sqitchpy.engines.pg.names import quoted
from sqitchpy.engines.protocol import NOT_UNIQUE
from sqitchpy.errors import ConnectionLostError, Diagnostics, EngineError, LockHolder, StatementError


class ServerFailure(Exception):
    """One statement failed. ``origin`` is what the sender said about it."""

    def __init__(self, fields: dict[str, str | None], text: bytes, origin: Any) -> None:
        super().__init__(fields.get("message"))
        self.fields = fields
        self.text = text
        self.origin = origin

    @property
    def sqlstate(self) -> str | None:
        """The error's SQLSTATE."""
        return self.fields["sqlstate"]

    def diagnostics(self, file: str, line: int) -> Diagnostics:
        """The failure with the place of the statement in a script: ``line`` is that of psql's message."""
        position = self.fields["position"]
        return Diagnostics(
            file=file,
            line=line,
            severity=self.fields["severity"] or "ERROR",
            message=self.fields["message"] or "unknown error",
            sqlstate=self.sqlstate,
            detail=self.fields["detail"],
            hint=self.fields["hint"],
            context=self.fields["context"],
            statement=self.text.decode("utf-8", "replace"),
            position=int(position) if position else None,
        )

    def in_registry(self, registry: str) -> EngineError:
        """The failure as that of a statement of our own."""
        if self.fields["constraint"] == "changes_project_script_hash_key":
            return EngineError("The deploy script is not unique", sqlstate=self.sqlstate, hint=NOT_UNIQUE)
        hint = f"This was a statement of sqitchpy's own, on the registry {registry}; it was rolled back."
        if self.sqlstate == INSUFFICIENT_PRIVILEGE:
            hint += (
                f" Connect as the registry's owner, or let the user in: GRANT USAGE ON SCHEMA {quoted(registry)}, and"
                " SELECT, INSERT, UPDATE, DELETE on its tables; to make the registry, GRANT CREATE ON DATABASE."
            )
        words = f"{self.fields['severity'] or 'ERROR'}:  {self.fields['message']}"
        return EngineError(words, sqlstate=self.sqlstate, hint=hint)


INSUFFICIENT_PRIVILEGE = "42501"
Failure = ServerFailure | ConnectionLostError

_FIELDS = {
    "severity": DiagnosticField.SEVERITY,
    "message": DiagnosticField.MESSAGE_PRIMARY,
    "sqlstate": DiagnosticField.SQLSTATE,
    "detail": DiagnosticField.MESSAGE_DETAIL,
    "hint": DiagnosticField.MESSAGE_HINT,
    "context": DiagnosticField.CONTEXT,
    "constraint": DiagnosticField.CONSTRAINT_NAME,
    "position": DiagnosticField.STATEMENT_POSITION,
}


def server_failure(pgconn: pq.abc.PGconn, result: pq.abc.PGresult, text: bytes, origin: Any) -> Failure:
    """A failed result as an exception: the statement's failure, or the loss of the connection."""
    if pgconn.status == pq.ConnStatus.BAD:
        return lost(result.error_message)
    fields = {
        name: value.decode("utf-8", "replace") if (value := result.error_field(field)) else None
        for name, field in _FIELDS.items()
    }
    if fields["message"] is None:
        fields["message"] = result.get_error_message().strip() or "the server sent something that was not expected"
    return ServerFailure(fields, text, origin)


def lost(message: bytes | str | None) -> ConnectionLostError:
    """The connection is gone; says what is known about the state of the database."""
    text = message.decode("utf-8", "replace") if isinstance(message, bytes) else (message or "")
    return ConnectionLostError(
        text.strip() or "connection to server was lost",
        sqlstate="08006",
        hint="Whatever transaction was open has been rolled back by the server, unless its COMMIT was on the way. Run "
        "“sqitchpy status” to see where the database stands, then run the command again.",
    )


def ends_connection(error: psycopg.Error) -> bool:
    """Whether an error is the end of its connection: libpq's own have no SQLSTATE, the server's last words are FATAL.

    psycopg's OperationalError alone does not tell: a statement's timeout and a full disk are such errors, too.
    """
    severity = error.diag.severity_nonlocalized
    return isinstance(error, psycopg.OperationalError) and (error.sqlstate is None or severity in ("FATAL", "PANIC"))


def connection_lost(pgconn: pq.abc.PGconn, error: Exception) -> Exception:
    """What to raise for an error of libpq itself."""
    if pgconn.status == pq.ConnStatus.BAD or isinstance(error, psycopg.OperationalError):
        return lost(str(error))
    return error


def statement_error(
    failure: ServerFailure, file: str, line: int, blockers: Sequence[LockHolder] = ()
) -> StatementError:
    """The failure of a script's statement; ``blockers`` hold the lock that it could not have."""
    hint = "; ".join(f"{holder}: {holder.query}" for holder in blockers)
    told = f"In the way: {hint}." if hint else None
    return StatementError(failure.diagnostics(file, line), hint=told, blockers=blockers)


def failed_outside_block(error: EngineError) -> bool:
    """Whether a statement failed only because it was in a transaction block.

    25001: it refuses one; 2D000: it commits; 55P04: it uses a new enum value; 55006: its table has pending events;
    53200: the transaction has taken all the locks that the server has room for.
    """
    return error.sqlstate in ("25001", "2D000", "55P04", "55006", "53200")
