-- Verify myapp:user_handle/contract on pg

BEGIN;

SELECT user_handle
  FROM users
 WHERE false;

SELECT 1 / (count(*) = 0)::integer
  FROM pg_catalog.pg_attribute
 WHERE attrelid = 'users'::regclass
   AND attname = 'username'
   AND NOT attisdropped;

ROLLBACK;
