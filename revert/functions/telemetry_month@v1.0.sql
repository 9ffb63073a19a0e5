-- Revert myapp:functions/telemetry_month from pg

BEGIN;

DROP FUNCTION telemetry_add_month(date);

COMMIT;
