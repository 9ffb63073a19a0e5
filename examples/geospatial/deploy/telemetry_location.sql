-- Deploy myapp_geo:telemetry_location to pg
-- requires: postgis
-- requires: myapp:telemetry

\set srid 4326

BEGIN;

SET LOCAL lock_timeout = '2s';

-- PostgreSQL accepts geometry(Point, n) for any n, known or not, so look first.
SELECT 1 / count(*) AS srid_is_known
  FROM spatial_ref_sys
 WHERE srid = :srid
\gset

-- The SRID is part of the type: a point of another reference system is refused, not stored in the wrong place.
ALTER TABLE telemetry ADD COLUMN location geometry(Point, :srid);

COMMIT;
