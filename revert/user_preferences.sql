-- Revert myapp:user_preferences from pg

BEGIN;

SET LOCAL lock_timeout = '2s';

DROP TABLE user_preferences;

COMMIT;
