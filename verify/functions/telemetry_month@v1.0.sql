-- Verify myapp:functions/telemetry_month on pg

BEGIN;

SELECT 1 / has_function_privilege('telemetry_add_month(date)', 'EXECUTE')::integer;

ROLLBACK;
