-- Revert myapp_fdw:postgres_fdw from pg

BEGIN;

DROP EXTENSION postgres_fdw;

COMMIT;
