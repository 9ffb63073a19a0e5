-- Revert myapp_fdw:archive/telemetry from pg

BEGIN;

SET LOCAL lock_timeout = '2s';

-- The rows are the archive's and stay there.
DROP FOREIGN TABLE telemetry_archive;

COMMIT;
