-- Revert myapp_geo:location_index/2024_01 from pg

DROP INDEX CONCURRENTLY telemetry_2024_01_location_idx;
