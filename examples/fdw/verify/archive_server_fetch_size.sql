-- Verify myapp_fdw:archive_server_fetch_size on pg

BEGIN;

SELECT 1 / count(*)
  FROM pg_catalog.pg_foreign_server
 WHERE srvname = 'archive'
   AND 'fetch_size=1000' = ANY (srvoptions);

ROLLBACK;
