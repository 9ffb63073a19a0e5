-- Deploy myapp:user_handle/unique to pg
-- requires: user_handle/backfill

-- CONCURRENTLY lets reads and writes go on while the index is built. It refuses a transaction block, so it stands
-- alone and without BEGIN; and it must be free to wait for old snapshots, so there is no lock_timeout either: a build
-- that is cut short leaves an invalid index behind.
CREATE UNIQUE INDEX CONCURRENTLY users_user_handle_key ON users (user_handle);
