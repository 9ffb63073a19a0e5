-- Verify myapp_geo:telemetry_2024_03 on pg

BEGIN;

SELECT 1 / count(*)
  FROM pg_catalog.pg_inherits
 WHERE inhparent = 'telemetry'::regclass
   AND inhrelid = 'telemetry_2024_03'::regclass;

SELECT 1 / count(*)
  FROM geometry_columns
 WHERE f_table_name = 'telemetry_2024_03'
   AND f_geometry_column = 'location'
   AND srid = 4326
   AND type = 'POINT';

-- Its index is part of the one index.
SELECT 1 / count(*)
  FROM pg_catalog.pg_inherits
  JOIN pg_catalog.pg_index ON indexrelid = inhrelid
 WHERE inhparent = 'telemetry_location_idx'::regclass
   AND indrelid = 'telemetry_2024_03'::regclass
   AND indisvalid;

ROLLBACK;
