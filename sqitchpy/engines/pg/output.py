"""Query results as psql prints them with --quiet --no-align --tuples-only."""

from __future__ import annotations

from psycopg import pq


def unaligned(result: pq.abc.PGresult) -> str:
    """The rows of a result, fields separated by ``|``, each row ended by a newline; NULL is empty.

    Rows without columns (``SELECT;``) print nothing at all.
    """
    if result.status != pq.ExecStatus.TUPLES_OK or not result.nfields:
        return ""
    columns = range(result.nfields)
    return "".join(
        "|".join((result.get_value(row, column) or b"").decode("utf-8", "replace") for column in columns) + "\n"
        for row in range(result.ntuples)
    )
