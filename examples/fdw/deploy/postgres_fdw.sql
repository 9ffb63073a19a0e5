-- Deploy myapp_fdw:postgres_fdw to pg

BEGIN;

-- No IF NOT EXISTS: the revert drops the extension, and must not drop one that somebody else had made.
CREATE EXTENSION postgres_fdw;

COMMIT;
