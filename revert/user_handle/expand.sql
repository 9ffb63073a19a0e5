-- Revert myapp:user_handle/expand from pg

BEGIN;

SET LOCAL lock_timeout = '2s';

DROP TRIGGER users_handle_sync ON users;

-- Nothing is lost: the trigger has kept every handle in username as well.
ALTER TABLE users
    DROP CONSTRAINT users_user_handle_present,
    DROP COLUMN user_handle;

DROP FUNCTION users_handle_sync();

COMMIT;
