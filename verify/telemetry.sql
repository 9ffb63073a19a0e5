-- Verify myapp:telemetry on pg

BEGIN;

SELECT id, user_id, sensor_id, recorded_at, temperature, humidity, pressure, created_at
  FROM telemetry
 WHERE false;

-- Partitions come and go with the months, so only the way of partitioning is checked.
SELECT 1 / count(*)
  FROM pg_catalog.pg_partitioned_table
 WHERE partrelid = 'telemetry'::regclass
   AND pg_catalog.pg_get_partkeydef(partrelid) = 'RANGE (recorded_at)';

SELECT 1 / count(*)
  FROM pg_catalog.pg_index
 WHERE indexrelid = 'telemetry_recorded_at_idx'::regclass
   AND indisvalid;

SELECT 1 / count(*)
  FROM pg_catalog.pg_index
 WHERE indexrelid = 'telemetry_user_id_recorded_at_idx'::regclass
   AND indisvalid;

ROLLBACK;
