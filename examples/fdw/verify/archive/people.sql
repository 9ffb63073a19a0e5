-- Verify myapp_fdw:archive/people on pg

BEGIN;

SELECT id, user_id, first_name, last_name, bio, created_at, updated_at
  FROM archive_v1.user_profiles
 LIMIT 1;

SELECT id, user_id, theme, notifications, created_at, updated_at
  FROM archive_v1.user_preferences
 LIMIT 1;

ROLLBACK;
