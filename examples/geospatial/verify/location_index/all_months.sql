-- Verify myapp_geo:location_index/all_months on pg

BEGIN;

SELECT 'telemetry_location_idx'::regclass;

-- The index of the parent turns valid when no month is without one. Say which is.
DO $$
DECLARE
    missing text;
BEGIN
    SELECT string_agg(month.inhrelid::regclass::text, ', ')
      INTO missing
      FROM pg_catalog.pg_inherits AS month
     WHERE month.inhparent = 'telemetry'::regclass
       AND NOT EXISTS (
               SELECT FROM pg_catalog.pg_inherits AS part
                 JOIN pg_catalog.pg_index AS i ON i.indexrelid = part.inhrelid
                WHERE part.inhparent = 'telemetry_location_idx'::regclass
                  AND i.indrelid = month.inhrelid
                  AND i.indisvalid
           );
    IF missing IS NOT NULL THEN
        RAISE EXCEPTION 'no valid location index is attached for: %', missing
            USING HINT = 'CREATE INDEX CONCURRENTLY on each, then ALTER INDEX telemetry_location_idx ATTACH PARTITION.';
    END IF;
END;
$$;

SELECT 1 / count(*)
  FROM pg_catalog.pg_index
 WHERE indexrelid = 'telemetry_location_idx'::regclass
   AND indisvalid;

ROLLBACK;
