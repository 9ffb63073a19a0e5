-- Verify myapp:user_handle/expand on pg

BEGIN;

SELECT user_handle
  FROM users
 WHERE false;

-- As long as both columns are there, an enabled trigger keeps them in step.
DO $$
BEGIN
    IF EXISTS (
        SELECT FROM pg_catalog.pg_attribute
         WHERE attrelid = 'users'::regclass AND attname = 'username' AND NOT attisdropped
    ) AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_trigger
         WHERE tgrelid = 'users'::regclass AND tgname = 'users_handle_sync' AND tgenabled = 'O'
    ) THEN
        RAISE EXCEPTION 'users has username and user_handle, but no trigger that keeps them in step';
    END IF;
END;
$$;

ROLLBACK;
