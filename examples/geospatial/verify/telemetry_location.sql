-- Verify myapp_geo:telemetry_location on pg

\set srid 4326

BEGIN;

SELECT location
  FROM telemetry
 WHERE false;

-- The declared SRID and type, in the parent and in every month.
SELECT 1 / count(*)
  FROM geometry_columns
 WHERE f_table_name = 'telemetry'
   AND f_geometry_column = 'location'
   AND srid = :srid
   AND type = 'POINT';

SELECT 1 / (count(*) = 0)::integer
  FROM pg_catalog.pg_inherits
  JOIN pg_catalog.pg_attribute ON attrelid = inhrelid
 WHERE inhparent = 'telemetry'::regclass
   AND attname = 'location'
   AND postgis_typmod_srid(atttypmod) <> :srid;

-- And a sample of what is stored.
SELECT 1 / (count(*) = 0)::integer
  FROM (SELECT location FROM telemetry WHERE location IS NOT NULL LIMIT 1000) AS sample
 WHERE ST_SRID(location) <> :srid;

ROLLBACK;
