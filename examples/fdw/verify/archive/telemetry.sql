-- Verify myapp_fdw:archive/telemetry on pg

BEGIN;

-- With a LIMIT, not WHERE false: the query has to go over to the far side, which knows whether these columns exist.
SELECT id, user_id, sensor_id, recorded_at, temperature
  FROM telemetry_archive
 LIMIT 1;

ROLLBACK;
