"""For tests, this project's and yours: throw-away PostgreSQL databases, and a pytest plugin that hands them out.

Put ``pytest_plugins = ["sqitchpy.testing.plugin"]`` in your ``conftest.py``; a test that asks for ``pg_database``
then gets an empty database of its own, on the server that SQITCHPY_TEST_DSN names, else on an embedded one.
"""

from __future__ import annotations

from sqitchpy.testing.databases import Database, DatabaseServer, embedded_server, named_server

__all__ = ["Database", "DatabaseServer", "embedded_server", "named_server"]
