-- Verify myapp_fdw:archive/humidity on pg

BEGIN;

SELECT humidity
  FROM telemetry_archive
 LIMIT 1;

ROLLBACK;
