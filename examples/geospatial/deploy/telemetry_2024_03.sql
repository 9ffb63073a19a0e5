-- Deploy myapp_geo:telemetry_2024_03 to pg
-- requires: location_index/all_months

BEGIN;

SET LOCAL lock_timeout = '2s';

-- Made aside and attached afterwards, so that nobody waits for it; a table with rows (from a bulk load, say) would get
-- a CHECK of its bounds first, validated, which spares ATTACH the scan.
CREATE TABLE telemetry_2024_03 (LIKE telemetry INCLUDING DEFAULTS INCLUDING CONSTRAINTS);
CREATE INDEX telemetry_2024_03_location_idx ON telemetry_2024_03 USING gist (location);

ALTER TABLE telemetry ATTACH PARTITION telemetry_2024_03
    FOR VALUES FROM ('2024-03-01 00:00:00+00') TO ('2024-04-01 00:00:00+00');

COMMIT;
