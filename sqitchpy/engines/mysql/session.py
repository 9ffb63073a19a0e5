"""One connection over PyMySQL: statements of our own, and those of scripts, whose rows are left as they come."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

import pymysql
from pymysql.constants import CLIENT, FIELD_TYPE, SERVER_STATUS
from pymysql.converters import encoders

from sqitchpy.engines.dbapi.backend import Rows
from sqitchpy.engines.dbapi.statements import Statement
from sqitchpy.engines.mysql.access import Access, Tls
from sqitchpy.engines.mysql.failures import (
    is_lost,
    lost,
    number_of,
    registry_error,
    state_of,
    statement_error,
    words_of,
)
from sqitchpy.engines.mysql.language import UPRIGHT
from sqitchpy.engines.mysql.output import rendered
from sqitchpy.errors import EngineError

LARGEST_PACKET = 1 << 30
_WHOLE = frozenset((FIELD_TYPE.TINY, FIELD_TYPE.SHORT, FIELD_TYPE.LONG, FIELD_TYPE.LONGLONG, FIELD_TYPE.INT24))
_CRYPTOGRAPHY = (
    "This account's way to log in needs the package cryptography where the connection is not encrypted: "
    "pip install 'PyMySQL[rsa]', or add ?mysql_ssl=1 to the URI."
)


class Session:
    """A connection to the server. ``registry`` is how errors of our own statements name the registry."""

    def __init__(self, access: Access, database: str | None, registry: str) -> None:
        self._access = access
        self._registry = registry
        self._raw = self._connect(database)

    def _connect(self, database: str | None) -> Any:
        access = self._access
        try:
            return pymysql.connect(
                user=access.user,
                password=access.password or "",
                host=access.host or "localhost",
                port=access.port or 3306,
                unix_socket=access.socket,
                database=database,
                charset=access.charset,
                init_command=access.init_command,
                connect_timeout=access.connect_timeout or 10,
                ssl=_context(access.tls) if access.tls else None,
                ssl_disabled=access.tls is None,
                autocommit=None,  # the server's default, as in the client
                client_flag=CLIENT.MULTI_STATEMENTS,
                max_allowed_packet=LARGEST_PACKET,
                use_unicode=False,
                conv=dict[Any, Any](encoders),  # parameters are encoded; what comes is not decoded
            )
        except (pymysql.err.Error, OSError, LookupError) as error:
            raise self._unreachable(error) from error
        except RuntimeError as error:  # PyMySQL's way to say that it lacks a package
            raise EngineError(str(error), hint=_CRYPTOGRAPHY) from error

    def _unreachable(self, error: Exception) -> EngineError:
        access = self._access
        place = access.socket or f"{access.host or 'localhost'}:{access.port or 3306}"
        state = state_of(error)
        return EngineError(
            f"ERROR {number_of(error)}{f' ({state})' if state else ''}: {words_of(error)}",
            sqlstate=state,
            hint=f"That was the connection to {place} as the user {access.user}. Nothing was changed.",
        )

    @property
    def number(self) -> int:
        """The connection's id on the server."""
        return int(self._raw.thread_id())

    @property
    def version(self) -> str:
        """The server's version, as it says it."""
        return str(self._raw.get_server_info()).removeprefix("5.5.5-")

    @property
    def in_transaction(self) -> bool:
        """Whether one is open, as the server said with the last statement."""
        return bool(self._raw.server_status & SERVER_STATUS.SERVER_STATUS_IN_TRANS)

    def query(self, text: str, parameters: Sequence[Any] = ()) -> Rows:
        """Run a statement of our own; values come as whole numbers or text. Raises EngineError, ConnectionLostError."""
        try:
            return self.ask(text, parameters)
        except pymysql.err.Error as error:
            raise registry_error(error, self._registry) from error

    def ask(self, text: str, parameters: Sequence[Any] = ()) -> Rows:
        """The same, with PyMySQL's errors."""
        with self._raw.cursor() as cursor:
            cursor.execute(cursor.mogrify(text, parameters or None).encode())  # not in the script's encoding
            types = [column[1] for column in cursor.description or ()]
            return [tuple(map(_value, row, types)) for row in cursor.fetchall()]

    def send(self, statement: Statement) -> str:
        """Run a script's statement; its rows as the client prints them."""
        try:
            return "".join(rendered(rows, upright=statement.style == UPRIGHT) for rows in self._results(statement.text))
        except pymysql.err.Error as error:
            raise lost(error) if is_lost(error) else statement_error(statement, error) from error
        except RuntimeError as error:  # LOAD DATA LOCAL, which PyMySQL refuses so; the connection is of no use then
            raise statement_error(statement, pymysql.err.OperationalError(4166, str(error))) from error

    def _results(self, text: bytes) -> Iterator[Sequence[Sequence[bytes | None]]]:
        with self._raw.cursor() as cursor:
            cursor.execute(text)
            while True:
                yield cursor.fetchall()
                if not cursor.nextset():
                    return

    def close(self) -> None:
        """Disconnect."""
        with suppress(pymysql.err.Error, OSError):
            self._raw.close()


def _value(value: bytes | None, kind: int) -> Any:
    if value is None:
        return None
    return int(value) if kind in _WHOLE else value.decode("utf-8", "replace")


def _context(tls: Tls) -> ssl.SSLContext:
    """Encryption as the client's: the certificate is checked only against an authority that was named."""
    try:
        context = ssl.create_default_context(cafile=tls.ca, capath=tls.capath)
        context.check_hostname = False
        if not (tls.ca or tls.capath):
            context.verify_mode = ssl.CERT_NONE
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if tls.cert:
            context.load_cert_chain(tls.cert, tls.key)
        if tls.cipher:
            context.set_ciphers(tls.cipher)
    except OSError as error:
        names = ", ".join(filter(None, (tls.ca, tls.capath, tls.cert, tls.key)))
        raise EngineError(
            f"TLS cannot be set up: {error}", hint=f"The files are {names}." if names else "The cipher is unknown."
        ) from error
    return context
