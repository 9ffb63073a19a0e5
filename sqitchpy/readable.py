"""SQL for people to read: re-indented, or on one line. What is sent to a server never comes from here.

sqlparse does the work. It does not know PostgreSQL's definitions and is slow with large texts, so it lays out queries
alone, those that are one long line, and never sees more than ``CAP`` characters.
"""

from __future__ import annotations

from typing import Any

CAP = 10_000
WIDE = 120
QUERIES = ("SELECT", "WITH", "INSERT", "UPDATE", "DELETE", "MERGE")


def laid_out(statement: str) -> str:
    """A statement as it is written; a query that is a single long line is broken and indented."""
    fits = not WIDE < len(statement) <= CAP
    if fits or "\n" in statement or not statement.upper().startswith(QUERIES):
        return statement
    return _format(statement, reindent=True, wrap_after=WIDE - 20)


def one_line(statement: str, width: int = WIDE) -> str:
    """A statement on one line of at most ``width`` characters, without its comments."""
    bare = _format(statement[:CAP], strip_comments=True)
    line = " ".join(bare.split())
    return line if len(line) <= width else line[: width - 1].rstrip() + "…"


def _format(statement: str, **options: Any) -> str:
    import sqlparse  # takes 50 ms, and is needed for a dry run's SQL and for some errors alone
    from sqlparse.exceptions import SQLParseError

    try:
        return str(sqlparse.format(statement, **options))
    except SQLParseError:  # nested too deeply
        return statement
