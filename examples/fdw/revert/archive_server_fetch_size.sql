-- Revert myapp_fdw:archive_server_fetch_size from pg

BEGIN;

ALTER SERVER archive OPTIONS (DROP fetch_size);

COMMIT;
