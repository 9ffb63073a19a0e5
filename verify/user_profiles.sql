-- Verify myapp:user_profiles on pg

BEGIN;

SELECT id, user_id, first_name, last_name, bio, created_at, updated_at
  FROM user_profiles
 WHERE false;

SELECT 1 / count(*)
  FROM pg_catalog.pg_constraint
 WHERE conrelid = 'user_profiles'::regclass
   AND confrelid = 'users'::regclass
   AND contype = 'f'
   AND convalidated;

ROLLBACK;
