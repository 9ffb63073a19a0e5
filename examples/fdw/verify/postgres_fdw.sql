-- Verify myapp_fdw:postgres_fdw on pg

BEGIN;

SELECT 1 / count(*)
  FROM pg_catalog.pg_foreign_data_wrapper
 WHERE fdwname = 'postgres_fdw';

ROLLBACK;
