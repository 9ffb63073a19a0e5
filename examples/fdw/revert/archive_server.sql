-- Revert myapp_fdw:archive_server from pg

BEGIN;

DROP USER MAPPING FOR CURRENT_USER SERVER archive;
DROP SERVER archive;

COMMIT;
