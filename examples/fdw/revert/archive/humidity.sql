-- Revert myapp_fdw:archive/humidity from pg

BEGIN;

SET LOCAL lock_timeout = '2s';

-- Only the view on it goes: the values are the archive's and stay there.
ALTER FOREIGN TABLE telemetry_archive DROP COLUMN humidity;

COMMIT;
