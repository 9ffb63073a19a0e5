-- Revert myapp:functions/telemetry_month from pg
-- Back to the function of v1.0: to revert a rework is to deploy what was there before.

BEGIN;

CREATE OR REPLACE FUNCTION telemetry_add_month(month date) RETURNS text
LANGUAGE plpgsql
AS $$
DECLARE
    first_day timestamp := date_trunc('month', month::timestamp);
    partition text := 'telemetry_' || to_char(first_day, 'YYYY_MM');
BEGIN
    EXECUTE format(
        'CREATE TABLE %I PARTITION OF telemetry FOR VALUES FROM (%L) TO (%L)',
        partition,
        first_day AT TIME ZONE 'UTC',
        (first_day + interval '1 month') AT TIME ZONE 'UTC'
    );
    RETURN partition;
END;
$$;

COMMIT;
