-- Deploy myapp:user_handle/contract to pg
-- requires: user_handle/unique
-- requires: user_handle/not_null
-- requires: user_handle/compat_view

-- For the day when no code that writes users.username runs any more; that is why a release, @v2.0, lies between.
BEGIN;

SET LOCAL lock_timeout = '2s';

-- The last look at the old column, before anything is locked against readers.
DO $$
BEGIN
    IF EXISTS (SELECT FROM users WHERE user_handle IS DISTINCT FROM username) THEN
        RAISE EXCEPTION 'username and user_handle differ: do not drop username'
            USING HINT = 'SELECT id, username, user_handle FROM users WHERE user_handle IS DISTINCT FROM username;';
    END IF;
END;
$$;

DROP TRIGGER users_handle_sync ON users;
DROP FUNCTION users_handle_sync();

-- Nothing is lost: every value is in user_handle as well, which has just been checked.
ALTER TABLE users DROP COLUMN username;

COMMIT;
