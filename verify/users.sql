-- Verify myapp:users on pg

BEGIN;

SELECT id, created_at, updated_at, email
  FROM users
 WHERE false;

-- `verify` looks at the database as it is now, and a later change renames this column: either name will do.
SELECT 1 / count(*)
  FROM pg_catalog.pg_attribute
 WHERE attrelid = 'users'::regclass
   AND attname IN ('username', 'user_handle')
   AND NOT attisdropped;

ROLLBACK;
