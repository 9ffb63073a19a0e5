-- Revert myapp:user_handle/not_null from pg

BEGIN;

SET LOCAL lock_timeout = '2s';

ALTER TABLE users
    ADD CONSTRAINT users_user_handle_present CHECK (user_handle IS NOT NULL) NOT VALID,
    ALTER COLUMN user_handle DROP NOT NULL;

COMMIT;
