-- Verify myapp:user_handle/unique on pg

BEGIN;

-- A concurrent build that failed leaves an index that exists and is of no use.
SELECT 1 / count(*)
  FROM pg_catalog.pg_index
 WHERE indexrelid = 'users_user_handle_key'::regclass
   AND indrelid = 'users'::regclass
   AND indisunique
   AND indisvalid
   AND indisready;

ROLLBACK;
