-- Revert myapp:telemetry from pg

BEGIN;

SET LOCAL lock_timeout = '2s';

-- The partitions go with their parent.
DROP TABLE telemetry;

COMMIT;
