-- Verify myapp:user_preferences on pg

BEGIN;

SELECT id, user_id, theme, notifications, created_at, updated_at
  FROM user_preferences
 WHERE false;

SELECT 1 / count(*)
  FROM pg_catalog.pg_constraint
 WHERE conrelid = 'user_preferences'::regclass
   AND confrelid = 'users'::regclass
   AND contype = 'f'
   AND convalidated;

ROLLBACK;
