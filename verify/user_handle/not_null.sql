-- Verify myapp:user_handle/not_null on pg

BEGIN;

SELECT 1 / count(*)
  FROM pg_catalog.pg_attribute
 WHERE attrelid = 'users'::regclass
   AND attname = 'user_handle'
   AND attnotnull;

ROLLBACK;
