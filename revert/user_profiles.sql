-- Revert myapp:user_profiles from pg

BEGIN;

-- Dropping a table locks every table that its foreign keys point at, too.
SET LOCAL lock_timeout = '2s';

DROP TABLE user_profiles;

COMMIT;
