-- Deploy myapp:functions/telemetry_month to pg
-- requires: functions/telemetry_month@v1.0

BEGIN;

-- CREATE TABLE ... PARTITION OF, as in v1.0, locks telemetry against its readers. A table that is made first and
-- attached afterwards lets them read and write on. A month that is there already is left alone, so that a scheduler
-- may ask twice.
CREATE OR REPLACE FUNCTION telemetry_add_month(month date) RETURNS text
LANGUAGE plpgsql
SET lock_timeout = '2s'
AS $$
DECLARE
    first_day timestamp := date_trunc('month', month::timestamp);
    partition text := 'telemetry_' || to_char(first_day, 'YYYY_MM');
BEGIN
    IF to_regclass(quote_ident(partition)) IS NOT NULL THEN
        RETURN partition;
    END IF;
    EXECUTE format(
        'CREATE TABLE %I (LIKE telemetry INCLUDING DEFAULTS INCLUDING CONSTRAINTS)',
        partition
    );
    EXECUTE format(
        'ALTER TABLE telemetry ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
        partition,
        first_day AT TIME ZONE 'UTC',
        (first_day + interval '1 month') AT TIME ZONE 'UTC'
    );
    RETURN partition;
END;
$$;

COMMIT;
