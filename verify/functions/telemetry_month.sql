-- Verify myapp:functions/telemetry_month on pg

BEGIN;

SELECT 1 / has_function_privilege('telemetry_add_month(date)', 'EXECUTE')::integer;

-- The name alone would not tell this version from v1.0.
SELECT 1 / count(*)
  FROM pg_catalog.pg_proc
 WHERE oid = 'telemetry_add_month(date)'::regprocedure
   AND prosrc LIKE '%ATTACH PARTITION%'
   AND 'lock_timeout=2s' = ANY (proconfig);

ROLLBACK;
