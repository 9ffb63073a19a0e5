-- Deploy myapp_fdw:archive/people to pg
-- requires: archive_server
-- requires: myapp:user_profiles
-- requires: myapp:user_preferences

BEGIN;

-- An import takes what the far side looks like on the day. So: tables by name, and into a schema of their own, where
-- no name clashes. When the far side changes, import into archive_v2, point the readers at it, drop archive_v1.
CREATE SCHEMA archive_v1;

IMPORT FOREIGN SCHEMA public
    LIMIT TO (user_profiles, user_preferences)
    FROM SERVER archive INTO archive_v1;

COMMIT;
