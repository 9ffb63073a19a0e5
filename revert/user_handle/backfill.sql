-- Revert myapp:user_handle/backfill from pg

BEGIN;

SET LOCAL lock_timeout = '2s';

-- The handles stay: the trigger would only fill them again, and they go with their column.
COMMENT ON COLUMN users.user_handle IS NULL;

COMMIT;
