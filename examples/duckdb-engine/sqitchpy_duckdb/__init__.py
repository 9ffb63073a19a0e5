"""DuckDB for sqitchpy: ``db:duckdb:app.duckdb``."""
