-- Deploy myapp_fdw:archive/telemetry to pg
-- requires: archive_server
-- requires: myapp:telemetry

BEGIN;

-- A foreign table is a promise about the far side that nobody checks here: see the verify script.
CREATE FOREIGN TABLE telemetry_archive (
    id          bigint           NOT NULL,
    user_id     bigint           NOT NULL,
    sensor_id   varchar(50)      NOT NULL,
    recorded_at timestamptz      NOT NULL,
    temperature double precision
) SERVER archive OPTIONS (schema_name 'public', table_name 'telemetry');

COMMIT;
