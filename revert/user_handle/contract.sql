-- Revert myapp:user_handle/contract from pg
-- Both columns again, with the rows of today. Everything is back as it was, down to the order of the columns; the
-- price is one pass over the whole table, so mind the hour.

BEGIN;

SET LOCAL lock_timeout = '2s';

-- The column that is left becomes username again and keeps its values and its index, so username costs nothing.
ALTER TABLE users RENAME COLUMN user_handle TO username;
ALTER INDEX users_user_handle_key RENAME TO users_username_key;
ALTER TABLE users ADD CONSTRAINT users_username_key UNIQUE USING INDEX users_username_key;
COMMENT ON COLUMN users.username IS NULL;

-- NOT NULL anew: from PostgreSQL 18 on it has a name, which would go on saying user_handle.
ALTER TABLE users ALTER COLUMN username DROP NOT NULL;
ALTER TABLE users ALTER COLUMN username SET NOT NULL;

-- user_handle is made and filled afresh.
ALTER TABLE users ADD COLUMN user_handle varchar(50);
COMMENT ON COLUMN users.user_handle IS 'Public name of the user, in place of username. Backfill complete.';
UPDATE users SET user_handle = username WHERE user_handle IS NULL;
ALTER TABLE users ALTER COLUMN user_handle SET NOT NULL;
CREATE UNIQUE INDEX users_user_handle_key ON users (user_handle);

CREATE OR REPLACE VIEW users_compat AS
SELECT id,
       user_handle AS username,
       user_handle,
       email,
       created_at,
       updated_at
  FROM users;

CREATE FUNCTION users_handle_sync() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.user_handle := coalesce(NEW.user_handle, NEW.username);
        NEW.username := NEW.user_handle;
    ELSIF NEW.user_handle IS DISTINCT FROM OLD.user_handle THEN
        NEW.username := NEW.user_handle;
    ELSE
        NEW.user_handle := NEW.username;
    END IF;
    RETURN NEW;
END;
$$;

CREATE TRIGGER users_handle_sync
    BEFORE INSERT OR UPDATE ON users
    FOR EACH ROW EXECUTE FUNCTION users_handle_sync();

COMMIT;
