-- Deploy myapp_geo:location_index/all_months to pg
-- requires: location_index/2024_01
-- requires: location_index/2024_02

BEGIN;

SET LOCAL lock_timeout = '2s';

-- ON ONLY builds nothing: the index of the parent is invalid until every month's index is attached to it.
CREATE INDEX telemetry_location_idx ON ONLY telemetry USING gist (location);

ALTER INDEX telemetry_location_idx ATTACH PARTITION telemetry_2024_01_location_idx;
ALTER INDEX telemetry_location_idx ATTACH PARTITION telemetry_2024_02_location_idx;

COMMIT;
