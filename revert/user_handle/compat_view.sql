-- Revert myapp:user_handle/compat_view from pg

BEGIN;

SET LOCAL lock_timeout = '2s';

DROP VIEW users_compat;

COMMIT;
