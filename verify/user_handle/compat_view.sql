-- Verify myapp:user_handle/compat_view on pg

\if :{?app_role}
\else
SELECT current_user AS app_role
\gset
\endif

BEGIN;

SELECT id, username, user_handle, email, created_at, updated_at
  FROM users_compat
 WHERE false;

SELECT 1 / has_table_privilege(:'app_role', 'users_compat', 'SELECT')::integer;

ROLLBACK;
