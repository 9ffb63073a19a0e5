-- Revert myapp_geo:location_index/all_months from pg
-- An attached index cannot be detached: it goes with the index of the parent. So the months' own indexes are built
-- again, and writes to these months wait meanwhile.

BEGIN;

SET LOCAL lock_timeout = '2s';

DROP INDEX telemetry_location_idx;

CREATE INDEX telemetry_2024_01_location_idx ON telemetry_2024_01 USING gist (location);
CREATE INDEX telemetry_2024_02_location_idx ON telemetry_2024_02 USING gist (location);

COMMIT;
