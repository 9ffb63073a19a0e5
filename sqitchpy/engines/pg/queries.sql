-- Every statement on the registry. Each block is one statement with a name; {registry} is the quoted schema.
-- Functions and operators are those of pg_catalog, whatever search_path says.

-- name: version
-- The version of the registry, 0 for tables older than versions, null when there are none.
SELECT CASE
    WHEN pg_catalog.to_regclass(%(changes)s) IS NULL THEN NULL
    WHEN pg_catalog.to_regclass(%(releases)s) IS NULL THEN '0'
    ELSE '1'
END

-- name: latest_release
SELECT pg_catalog.max(version) FROM {registry}.releases

-- name: insert_release
INSERT INTO {registry}.releases (version, installer_name, installer_email) VALUES ($1, $2, $3)

-- name: projects
SELECT project, uri FROM {registry}.projects ORDER BY project

-- name: insert_project
INSERT INTO {registry}.projects (project, uri, creator_name, creator_email) VALUES ($1, $2, $3, $4)

-- name: deployed
-- Deployed changes of a project. A registry older than versions has no column script_hash: the name then finds "absent".
SELECT c.change, c.change_id, c.project, (SELECT script_hash FROM (SELECT c.*) AS present), c.note,
       c.committed_at, c.committer_name, c.committer_email, c.planned_at, c.planner_name, c.planner_email
  FROM {registry}.changes c CROSS JOIN (SELECT NULL::text AS script_hash) AS absent
 WHERE c.project = %(project)s
   AND (%(after)s::text IS NULL
        OR c.committed_at > (SELECT committed_at FROM {registry}.changes WHERE change_id = %(after)s))
 ORDER BY c.committed_at ASC

-- name: current
SELECT c.change, c.change_id, c.project, (SELECT script_hash FROM (SELECT c.*) AS present), c.note,
       c.committed_at, c.committer_name, c.committer_email, c.planned_at, c.planner_name, c.planner_email, everything.total
  FROM (SELECT pg_catalog.count(*) AS total, pg_catalog.max(committed_at) AS latest
          FROM {registry}.changes WHERE project = %(project)s) AS everything
       JOIN {registry}.changes c ON c.project = %(project)s AND c.committed_at = everything.latest
       CROSS JOIN (SELECT NULL::text AS script_hash) AS absent
 ORDER BY c.change_id
 LIMIT 1

-- name: tags_of
SELECT change_id, tag, tag_id, committed_at, committer_name, committer_email, planned_at, planner_name, planner_email
  FROM {registry}.tags
 WHERE change_id = ANY (%(ids)s)
 ORDER BY tag

-- name: dependencies_of
SELECT change_id, type, dependency
  FROM {registry}.dependencies
 WHERE change_id = ANY (%(ids)s)
 ORDER BY dependency

-- name: deployed_among
SELECT change_id FROM {registry}.changes WHERE change_id = ANY (%(ids)s)

-- name: foreign_change
-- The earliest deployed instance of a change of another project.
SELECT change_id FROM {registry}.changes
 WHERE project = %(project)s AND change = %(change)s
 ORDER BY committed_at ASC
 LIMIT 1

-- name: foreign_tag
SELECT change_id FROM {registry}.tags WHERE project = %(project)s AND tag = %(tag)s

-- name: foreign_change_asof
-- The latest instance of a change of another project that was deployed before the tag was recorded, as Sqitch looks it up.
SELECT c.change_id
  FROM {registry}.changes c
  JOIN {registry}.tags t ON t.project = c.project
 WHERE c.project = %(project)s AND c.change = %(change)s AND t.tag = %(tag)s
   AND c.committed_at <= t.committed_at
 ORDER BY c.committed_at DESC
 LIMIT 1

-- name: dependents
SELECT d.dependency_id, c.change_id, c.project, c.change,
       (SELECT t.tag FROM {registry}.changes later JOIN {registry}.tags t ON t.change_id = later.change_id
         WHERE later.project = c.project AND later.committed_at >= c.committed_at
         ORDER BY later.committed_at ASC, t.tag ASC LIMIT 1)
  FROM {registry}.dependencies d
  JOIN {registry}.changes c ON c.change_id = d.change_id
 WHERE d.dependency_id = ANY (%(ids)s) AND c.change_id <> ALL (%(ids)s)
 ORDER BY c.committed_at ASC

-- name: requirements
SELECT d.change_id, d.dependency_id
  FROM {registry}.dependencies d
  JOIN {registry}.changes c ON c.change_id = d.change_id
 WHERE c.project = %(project)s AND d.dependency_id IS NOT NULL

-- name: set_hash
UPDATE {registry}.changes SET script_hash = %(hash)s WHERE project = %(project)s AND change_id = %(id)s AND script_hash = change_id

-- name: clear_hashes
UPDATE {registry}.changes SET script_hash = NULL WHERE project = %(project)s AND script_hash = change_id

-- name: give_up_hash
UPDATE {registry}.changes SET script_hash = NULL WHERE change_id = %(id)s

-- name: give_up_tag
UPDATE {registry}.tags SET tag = tag_id WHERE tag_id = %(id)s

-- name: relink_change
UPDATE {registry}.changes
   SET change_id = %(new_id)s, change = %(name)s, script_hash = %(hash)s, note = %(note)s,
       planned_at = %(planned_at)s, planner_name = %(planner)s, planner_email = %(email)s
 WHERE change_id = %(id)s

-- name: delete_dependencies
DELETE FROM {registry}.dependencies WHERE change_id = %(id)s

-- name: insert_dependency
INSERT INTO {registry}.dependencies (change_id, type, dependency, dependency_id)
VALUES (%(id)s, %(type)s, %(dependency)s, %(dependency_id)s)

-- name: relink_tag
UPDATE {registry}.tags
   SET tag_id = %(new_id)s, tag = %(name)s, change_id = %(change_id)s, note = %(note)s,
       planned_at = %(planned_at)s, planner_name = %(planner)s, planner_email = %(email)s
 WHERE tag_id = %(id)s

-- name: events
SELECT event, change_id, change, project, note, requires, conflicts, tags,
       committed_at, committer_name, committer_email, planned_at, planner_name, planner_email
  FROM {registry}.events
 WHERE (%(events)s::text[] IS NULL OR event = ANY (%(events)s))
   AND (%(change)s::text IS NULL OR change ~ %(change)s)
   AND (%(project)s::text IS NULL OR project ~ %(project)s)
   AND (%(committer)s::text IS NULL OR committer_name ~ %(committer)s)
 ORDER BY committed_at {direction}
 LIMIT %(limit)s OFFSET %(offset)s

-- name: lock_table
LOCK TABLE {registry}.changes IN EXCLUSIVE MODE

-- name: mark_transaction
-- Says to deployers to come that work is under way here, even when the one who began it is dead (see lock.py).
SELECT pg_catalog.pg_try_advisory_xact_lock_shared(75474063, 1)

-- name: mark_session
-- Once for a session, however often it is said, so that a lent connection can be given back without it.
SELECT CASE WHEN EXISTS (SELECT 1 FROM pg_catalog.pg_locks
                          WHERE locktype = 'advisory' AND classid = 75474063 AND objid = 1 AND objsubid = 2
                            AND pid = pg_catalog.pg_backend_pid())
            THEN true ELSE pg_catalog.pg_try_advisory_lock_shared(75474063, 1) END

-- name: clock_verification
SELECT pg_catalog.set_config('sqitchpy.verifying_since', pg_catalog.clock_timestamp()::text, true)

-- name: long_verification
-- How long a verification took, and which locks that block others were held meanwhile; no rows for one of under a second.
-- What ts_stat is given is planned only when there is something to tell: planning it takes ten times as long as all the rest.
SELECT pg_catalog.round(EXTRACT(epoch FROM s.took)::numeric, 1), pg_catalog.array_to_string(ARRAY(
         SELECT word FROM pg_catalog.ts_stat(pg_catalog.format($query$
         SELECT pg_catalog.array_to_tsvector(pg_catalog.array_agg(DISTINCT l.mode || ' on ' || l.relation::pg_catalog.regclass))
           FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_class c ON c.oid = l.relation
          WHERE l.pid = pg_catalog.pg_backend_pid() AND c.relkind IN ('r', 'p', 'm')
            AND c.relnamespace <> pg_catalog.to_regnamespace(%L)
            AND l.mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
         $query$, $1::text)) ORDER BY word), ', ')
  FROM (SELECT pg_catalog.statement_timestamp() - nullif(pg_catalog.current_setting('sqitchpy.verifying_since', true), '')::timestamptz AS took) AS s
 WHERE s.took > '1 s'

-- name: unmark_session
SELECT pg_catalog.pg_advisory_unlock_shared(75474063, 1)

-- name: blockers
-- Who holds what the session %(pid)s waits for, and the statement that waits (pg_stat_activity may have cut it).
SELECT pid, usename, application_name, date_trunc('second', xact_start)::text, query, state,
       (SELECT query FROM pg_catalog.pg_stat_activity WHERE pid = %(pid)s)
  FROM pg_catalog.pg_stat_activity
 WHERE pid = ANY (pg_catalog.pg_blocking_pids(%(pid)s))
 ORDER BY xact_start

-- name: open_transactions
-- Who may hold a lock that could not be had: the oldest transactions that are open in this database.
SELECT pid, usename, application_name, date_trunc('second', xact_start)::text, query, state
  FROM pg_catalog.pg_stat_activity
 WHERE datname = pg_catalog.current_database() AND xact_start IS NOT NULL AND pid <> ALL (%(ours)s)
 ORDER BY xact_start
 LIMIT 3

-- name: worker
SELECT a.pid, a.usename, a.application_name, a.backend_start::text, a.query
  FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
 WHERE l.locktype = 'advisory' AND l.classid = 75474063 AND l.objid = 1 AND l.objsubid = 2 AND l.granted
   AND a.datname = pg_catalog.current_database()
 LIMIT 1

-- name: guard
-- Fails unless the process $1 (null: there is no lock here) still holds the lock $2, the changes $3, on which we stand, and $4 (null:
-- any) are deployed, and $5 (null: none) is not: a text that is no number is cast to one, because an error is what stops a pipeline
-- without a round trip. First it marks the transaction (mark_transaction): whoever comes when our lock is gone must find the mark.
SELECT CAST(CASE WHEN pg_catalog.pg_try_advisory_xact_lock_shared(75474063, 1) IS NULL THEN NULL
                 WHEN $1::integer IS NOT NULL AND NOT EXISTS (
                        SELECT 1 FROM pg_catalog.pg_locks
                         WHERE locktype = 'advisory' AND pid = $1::integer AND objid = $2::oid AND classid = 0 AND granted)
                 THEN 'the deployment lock is lost'
                 WHEN NOT EXISTS (SELECT 1 FROM {registry}.changes WHERE change_id = $3)
                      OR $4::text IS NOT NULL AND NOT EXISTS (SELECT 1 FROM {registry}.changes WHERE change_id = $4)
                      OR $5::text IS NOT NULL AND EXISTS (SELECT 1 FROM {registry}.changes WHERE change_id = $5)
                 THEN 'the registry has moved'
                 ELSE '0' END AS integer)

-- name: guard_first
-- The same for the first change of a project ($3): nothing of it may be deployed.
SELECT CAST(CASE WHEN pg_catalog.pg_try_advisory_xact_lock_shared(75474063, 1) IS NULL THEN NULL
                 WHEN $1::integer IS NOT NULL AND NOT EXISTS (
                        SELECT 1 FROM pg_catalog.pg_locks
                         WHERE locktype = 'advisory' AND pid = $1::integer AND objid = $2::oid AND classid = 0 AND granted)
                 THEN 'the deployment lock is lost'
                 WHEN EXISTS (SELECT 1 FROM {registry}.changes WHERE project = $3) THEN 'the registry has moved'
                 ELSE '0' END AS integer)

-- name: guard_lock
-- The same for the lock alone: once for a run that is one transaction, in which pg_locks grows with every change.
SELECT CAST(CASE WHEN $1::integer IS NULL OR EXISTS (SELECT 1 FROM pg_catalog.pg_locks
                        WHERE locktype = 'advisory' AND pid = $1::integer AND objid = $2::oid AND classid = 0 AND granted)
                 THEN '0' ELSE 'the deployment lock is lost' END AS integer)

-- name: nothing_prepared
-- Fails if functions that a script has called have prepared statements: ours have names that begin with $1.
SELECT CAST(CASE WHEN EXISTS (SELECT 1 FROM pg_catalog.pg_prepared_statements WHERE NOT pg_catalog.starts_with(name, $1))
                 THEN 'something else is prepared' ELSE '0' END AS integer)

-- name: insert_change
-- $11 is the change deployed before: the times of a project's changes must increase, whatever the clock does.
INSERT INTO {registry}.changes (change_id, script_hash, change, project, note, committed_at,
                                committer_name, committer_email, planned_at, planner_name, planner_email)
VALUES ($1, $2, $3, $4, $5,
        greatest(pg_catalog.clock_timestamp(),
                 (SELECT committed_at + interval '1 microsecond' FROM {registry}.changes WHERE change_id = $11)),
        $6, $7, $8, $9, $10)

-- name: put_between
-- The change $1 is planned between the deployed $2 (null: it is the first) and $3. Its time is right behind those of $2 and its tags,
-- for they say what “change@tag” is; where $3 is too near, it and all that is later move.
WITH place AS (
    SELECT b.project, b.committed_at AS next,
           (SELECT pg_catalog.max(previous.committed_at)
              FROM (SELECT committed_at FROM {registry}.changes WHERE change_id = $2
                    UNION ALL SELECT committed_at FROM {registry}.tags WHERE change_id = $2) AS previous) AS previous
      FROM {registry}.changes b WHERE b.change_id = $3),
later AS (
    UPDATE {registry}.changes c SET committed_at = c.committed_at + (previous + interval '2 microseconds' - next)
      FROM place
     WHERE c.project = place.project AND c.change_id <> $1
       AND c.committed_at >= next AND next < previous + interval '2 microseconds'
    RETURNING c.change_id, previous + interval '2 microseconds' - next AS by),
later_tags AS (
    UPDATE {registry}.tags t SET committed_at = t.committed_at + later.by FROM later WHERE t.change_id = later.change_id)
UPDATE {registry}.changes SET committed_at = coalesce(previous + interval '1 microsecond', next - interval '1 microsecond')
  FROM place
 WHERE change_id = $1

-- name: insert_dependencies
INSERT INTO {registry}.dependencies (change_id, type, dependency, dependency_id)
SELECT $1, $2, d.dependency, d.dependency_id
  FROM ROWS FROM (pg_catalog.unnest($3::text[]), pg_catalog.unnest($4::text[])) AS d (dependency, dependency_id)

-- name: insert_tag
-- Not earlier than its change, whatever the clock does: "change@tag" is looked up by comparing the two times.
INSERT INTO {registry}.tags (tag_id, tag, project, change_id, note, committed_at, committer_name, committer_email,
                             planned_at, planner_name, planner_email)
VALUES ($1, $2, $3, $4, $5,
        greatest(pg_catalog.clock_timestamp(), (SELECT committed_at FROM {registry}.changes WHERE change_id = $4)),
        $6, $7, $8, $9, $10)

-- name: insert_tag_with_change
-- Of a change that is recorded before others: the tag's time is the change's, so that it is before theirs, too.
INSERT INTO {registry}.tags (tag_id, tag, project, change_id, note, committed_at, committer_name, committer_email,
                             planned_at, planner_name, planner_email)
VALUES ($1, $2, $3, $4, $5, (SELECT committed_at FROM {registry}.changes WHERE change_id = $4), $6, $7, $8, $9, $10)

-- name: insert_event
INSERT INTO {registry}.events (event, change_id, change, project, note, requires, conflicts, tags, committed_at,
                               committer_name, committer_email, planned_at, planner_name, planner_email)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8,
        greatest(pg_catalog.clock_timestamp(), (SELECT committed_at FROM {registry}.changes WHERE change_id = $2)),
        $9, $10, $11, $12, $13)

-- name: insert_revert_event
-- What is known of the deployed change goes into the event, and only then from the tables.
INSERT INTO {registry}.events (event, change_id, change, project, note, requires, conflicts, tags, committed_at,
                               committer_name, committer_email, planned_at, planner_name, planner_email)
SELECT 'revert', c.change_id, c.change, c.project, c.note,
       ARRAY(SELECT dependency FROM {registry}.dependencies WHERE change_id = $1 AND type = 'require'),
       ARRAY(SELECT dependency FROM {registry}.dependencies WHERE change_id = $1 AND type = 'conflict'),
       ARRAY(SELECT tag FROM {registry}.tags WHERE change_id = $1),
       greatest(pg_catalog.clock_timestamp(), c.committed_at + interval '1 microsecond'),
       $2, $3, c.planned_at, c.planner_name, c.planner_email
  FROM {registry}.changes c
 WHERE c.change_id = $1

-- name: delete_tags
DELETE FROM {registry}.tags WHERE change_id = $1

-- name: delete_change
DELETE FROM {registry}.changes WHERE change_id = $1

-- name: lock_holder
SELECT a.pid, a.usename, a.application_name, a.backend_start::text, a.query
  FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
 WHERE l.locktype = 'advisory' AND l.objid = %(key)s::oid AND l.classid = 0 AND l.granted
   AND a.datname = pg_catalog.current_database()
 LIMIT 1

-- name: create_progress
CREATE TABLE IF NOT EXISTS {registry}.sqitchpy_progress (
    change_id   TEXT        NOT NULL,
    action      TEXT        NOT NULL,
    script_hash TEXT        NOT NULL,
    statement   INTEGER     NOT NULL,
    line        INTEGER     NOT NULL,
    state       TEXT        NOT NULL CHECK (state IN ('started', 'done')),
    notes       JSONB           NULL,
    noted_at    TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (change_id, action, script_hash, statement)
)

-- name: progress
SELECT statement, state, notes FROM {registry}.sqitchpy_progress
 WHERE change_id = %s AND action = %s AND script_hash = %s
 ORDER BY statement

-- name: unfinished
SELECT DISTINCT change_id, script_hash FROM {registry}.sqitchpy_progress WHERE action = 'deploy'

-- name: forget_other_progress
DELETE FROM {registry}.sqitchpy_progress WHERE change_id = %s AND (action, script_hash) <> (%s, %s)

-- name: progress_started
INSERT INTO {registry}.sqitchpy_progress (change_id, action, script_hash, statement, line, state, notes)
VALUES (%s, %s, %s, %s, %s, 'started', %s::jsonb)
ON CONFLICT (change_id, action, script_hash, statement) DO UPDATE SET state = 'started', notes = EXCLUDED.notes

-- name: progress_done
INSERT INTO {registry}.sqitchpy_progress (change_id, action, script_hash, statement, line, state)
VALUES (%s, %s, %s, %s, %s, 'done')
ON CONFLICT (change_id, action, script_hash, statement) DO UPDATE SET state = 'done'

-- name: queue_progress_done
INSERT INTO {registry}.sqitchpy_progress (change_id, action, script_hash, statement, line, state)
VALUES ($1, $2, $3, $4::integer, $5::integer, 'done')
ON CONFLICT (change_id, action, script_hash, statement) DO UPDATE SET state = 'done'

-- name: forget_deploy_progress
-- A revert takes away what unfinished changes stand on: they start anew.
DELETE FROM {registry}.sqitchpy_progress WHERE action = 'deploy' OR change_id = $1

-- name: has_progress
SELECT pg_catalog.to_regclass(%(table)s) IS NOT NULL

-- name: run_conditions
-- About how many locks the server can hold at once (PostgreSQL's documentation, max_locks_per_transaction); are there event triggers?
SELECT pg_catalog.current_setting('max_locks_per_transaction')::integer
       * (pg_catalog.current_setting('max_connections')::integer
          + pg_catalog.current_setting('max_prepared_transactions')::integer),
       EXISTS (SELECT 1 FROM pg_catalog.pg_event_trigger WHERE evtenabled <> 'D')

-- name: forget_progress
DELETE FROM {registry}.sqitchpy_progress WHERE change_id = $1

-- name: indexes_of
SELECT coalesce(pg_catalog.array_agg(indexrelid::bigint), '{}') FROM pg_catalog.pg_index
 WHERE indrelid = pg_catalog.to_regclass(%(table)s)

-- name: invalid_copies
-- Copies that a REINDEX CONCURRENTLY makes and, when it fails, leaves behind.
SELECT coalesce(pg_catalog.array_agg(i.indexrelid::bigint), '{}')
  FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
 WHERE NOT i.indisvalid AND c.relname ~ '_cc(new|old)[0-9]*$'

-- name: new_indexes
-- Indexes that were not there when the statement started, and whether somebody is building them at this moment.
SELECT n.nspname, c.relname, i.indisvalid,
       EXISTS (SELECT 1 FROM pg_catalog.pg_stat_progress_create_index p WHERE p.index_relid = i.indexrelid
                  OR (p.index_relid = 0 AND p.relid = i.indrelid)) AS building
  FROM pg_catalog.pg_index i
  JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE i.indexrelid::bigint <> ALL (%(known)s)
   AND (i.indrelid = pg_catalog.to_regclass(%(table)s)
        OR (%(table)s IS NULL AND NOT i.indisvalid AND c.relname ~ '_cc(new|old)[0-9]*$'))

-- name: relation_exists
SELECT pg_catalog.to_regclass(%(name)s) IS NOT NULL

-- name: database_exists
SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_database WHERE datname = %(name)s)

-- name: tablespace_exists
SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_tablespace WHERE spcname = %(name)s)

-- name: subscription_exists
SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_stat_subscription WHERE subname = %(name)s)

-- name: partition_state
-- Whether a table is still a partition of another, and whether a DETACH CONCURRENTLY was interrupted (PostgreSQL 14+).
SELECT inhdetachpending FROM pg_catalog.pg_inherits
 WHERE inhparent = pg_catalog.to_regclass(%(parent)s) AND inhrelid = pg_catalog.to_regclass(%(partition)s)
