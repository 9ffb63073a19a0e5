-- Verify myapp:user_handle/backfill on pg

BEGIN;

SELECT 1 / count(*)
  FROM pg_catalog.pg_attribute
 WHERE attrelid = 'users'::regclass
   AND attname = 'user_handle'
   AND pg_catalog.col_description(attrelid, attnum) LIKE '%Backfill complete%';

SELECT 1 / (CASE WHEN EXISTS (SELECT FROM users WHERE user_handle IS NULL) THEN 0 ELSE 1 END);

ROLLBACK;
