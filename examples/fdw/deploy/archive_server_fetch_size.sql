-- Deploy myapp_fdw:archive_server_fetch_size to pg
-- requires: archive_server

BEGIN;

-- Metadata only. ADD, since the option is not there yet; SET is for one that is.
ALTER SERVER archive OPTIONS (ADD fetch_size '1000');

COMMIT;
