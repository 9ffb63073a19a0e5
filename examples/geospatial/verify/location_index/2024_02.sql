-- Verify myapp_geo:location_index/2024_02 on pg

BEGIN;

SELECT 1 / count(*)
  FROM pg_catalog.pg_index
 WHERE indexrelid = 'telemetry_2024_02_location_idx'::regclass
   AND indrelid = 'telemetry_2024_02'::regclass
   AND indisvalid
   AND indisready;

ROLLBACK;
