-- Revert myapp:users from pg

BEGIN;

SET LOCAL lock_timeout = '2s';

DROP TABLE users;

COMMIT;
