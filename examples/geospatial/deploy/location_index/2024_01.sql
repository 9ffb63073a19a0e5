-- Deploy myapp_geo:location_index/2024_01 to pg
-- requires: telemetry_location

-- A partitioned table refuses CONCURRENTLY, its partitions do not: so month by month, each alone in its script,
-- outside a transaction and without lock_timeout.
CREATE INDEX CONCURRENTLY telemetry_2024_01_location_idx ON telemetry_2024_01 USING gist (location);
