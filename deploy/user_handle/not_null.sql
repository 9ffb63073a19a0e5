-- Deploy myapp:user_handle/not_null to pg
-- requires: user_handle/backfill

BEGIN;

SET LOCAL lock_timeout = '2s';

-- The scan comes first and under a lock that readers and writers pass.
ALTER TABLE users VALIDATE CONSTRAINT users_user_handle_present;

-- The validated constraint is the proof that spares SET NOT NULL a scan of its own. It is dropped by a second ALTER
-- TABLE: within one, the drop would run first and the proof would be gone.
ALTER TABLE users ALTER COLUMN user_handle SET NOT NULL;
ALTER TABLE users DROP CONSTRAINT users_user_handle_present;

COMMIT;
