-- Deploy myapp:user_handle/compat_view to pg
-- requires: user_handle/backfill

-- The role that the application connects as: deploy --set app_role=NAME. Without it, the deploying role.
\if :{?app_role}
\else
SELECT current_user AS app_role
\gset
\endif

BEGIN;

SET LOCAL lock_timeout = '2s';

-- Both names, and both from the new column: a report that still says username goes on working when the old column
-- has gone.
CREATE VIEW users_compat AS
SELECT id,
       user_handle AS username,
       user_handle,
       email,
       created_at,
       updated_at
  FROM users;

GRANT SELECT ON users_compat TO :"app_role";

COMMIT;
