-- Revert myapp_geo:telemetry_2024_03 from pg

BEGIN;

SET LOCAL lock_timeout = '2s';

ALTER TABLE telemetry DETACH PARTITION telemetry_2024_03;

-- The readings of March go with their month: take a backup before.
DROP TABLE telemetry_2024_03;

COMMIT;
