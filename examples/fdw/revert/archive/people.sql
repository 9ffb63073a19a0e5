-- Revert myapp_fdw:archive/people from pg

BEGIN;

SET LOCAL lock_timeout = '2s';

DROP FOREIGN TABLE archive_v1.user_profiles, archive_v1.user_preferences;
DROP SCHEMA archive_v1;

COMMIT;
