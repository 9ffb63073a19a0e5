-- Revert myapp_geo:location_index/2024_02 from pg

DROP INDEX CONCURRENTLY telemetry_2024_02_location_idx;
