-- Deploy myapp:user_handle/backfill to pg
-- requires: user_handle/expand

-- No BEGIN: in psql every batch below commits by itself, so no row stays locked for longer than its batch takes. The
-- condition makes a second run, after an interruption, go on where the first one stopped.
\set batch 1000

SET lock_timeout = '1s';

SELECT format(
           'UPDATE users SET user_handle = username'
           ' WHERE id >= %s AND id < %s AND user_handle IS DISTINCT FROM username',
           low, low + :batch
       )
  FROM (SELECT min(id) AS first_id, max(id) AS last_id FROM users) AS bounds,
       generate_series(first_id, last_id, :batch) AS low
 ORDER BY low
\gexec

-- The mark that the last batch was reached. Without it an empty table would look backfilled before it was.
COMMENT ON COLUMN users.user_handle IS 'Public name of the user, in place of username. Backfill complete.';
