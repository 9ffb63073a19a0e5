-- Revert myapp_geo:telemetry_location from pg

BEGIN;

SET LOCAL lock_timeout = '2s';

-- The locations exist nowhere else: take a backup before.
ALTER TABLE telemetry DROP COLUMN location;

COMMIT;
