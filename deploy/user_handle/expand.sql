-- Deploy myapp:user_handle/expand to pg
-- requires: users

BEGIN;

SET LOCAL lock_timeout = '2s';

-- While old and new code run side by side, whichever column one of them writes, the other column follows. Where both
-- were written the new one wins. A row that is merely touched is healed, which is what makes the backfill simple.
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

-- A column without a default is added at once, however big the table. NOT VALID: new rows are held to the constraint
-- from now on (the trigger sees to it), old rows only once user_handle/not_null has looked at them.
ALTER TABLE users
    ADD COLUMN user_handle varchar(50),
    ADD CONSTRAINT users_user_handle_present CHECK (user_handle IS NOT NULL) NOT VALID;

CREATE TRIGGER users_handle_sync
    BEFORE INSERT OR UPDATE ON users
    FOR EACH ROW EXECUTE FUNCTION users_handle_sync();

COMMIT;
