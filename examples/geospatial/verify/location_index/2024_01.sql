-- Verify myapp_geo:location_index/2024_01 on pg

BEGIN;

SELECT 1 / count(*)
  FROM pg_catalog.pg_index
 WHERE indexrelid = 'telemetry_2024_01_location_idx'::regclass
   AND indrelid = 'telemetry_2024_01'::regclass
   AND indisvalid
   AND indisready;

ROLLBACK;
