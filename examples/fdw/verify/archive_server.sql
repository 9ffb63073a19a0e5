-- Verify myapp_fdw:archive_server on pg

BEGIN;

SELECT 1 / has_server_privilege('archive', 'USAGE')::integer;

SELECT 1 / count(*)
  FROM pg_catalog.pg_user_mappings
 WHERE srvname = 'archive'
   AND usename = current_user;

ROLLBACK;
