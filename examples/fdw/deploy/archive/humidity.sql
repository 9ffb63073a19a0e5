-- Deploy myapp_fdw:archive/humidity to pg
-- requires: archive/telemetry

BEGIN;

SET LOCAL lock_timeout = '2s';

-- The far side first, this side second: the archive has had the column for a while, and nobody here sees it until
-- now. (To drop a column the order is the other one.)
ALTER FOREIGN TABLE telemetry_archive ADD COLUMN humidity double precision;

COMMIT;
