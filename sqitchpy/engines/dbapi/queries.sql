-- The registry's statements, for every database with a DB-API driver. {r} stands before the names of its tables; [name] is
-- quoted as the database wants it, :name is a parameter, and a list where it stands in parentheses.

-- name: now
SELECT {now}

-- name: latest_release
SELECT max(version) FROM {r}releases

-- name: insert_release
INSERT INTO {r}releases (version, installed_at, installer_name, installer_email) VALUES (:version, :at, :name, :email)

-- name: projects
SELECT project, uri FROM {r}projects ORDER BY project

-- name: insert_project
INSERT INTO {r}projects (project, uri, created_at, creator_name, creator_email) VALUES (:project, :uri, :at, :name, :email)

-- name: deployed
SELECT c.[change], c.change_id, c.project, {script_hash}, c.note,
       c.committed_at, c.committer_name, c.committer_email, c.planned_at, c.planner_name, c.planner_email
  FROM {r}changes c
 WHERE c.project = :project
 ORDER BY c.committed_at ASC

-- name: deployed_after
SELECT c.[change], c.change_id, c.project, {script_hash}, c.note,
       c.committed_at, c.committer_name, c.committer_email, c.planned_at, c.planner_name, c.planner_email
  FROM {r}changes c
 WHERE c.project = :project
   AND c.committed_at > (SELECT committed_at FROM {r}changes WHERE change_id = :after)
 ORDER BY c.committed_at ASC

-- name: current
SELECT c.[change], c.change_id, c.project, {script_hash}, c.note,
       c.committed_at, c.committer_name, c.committer_email, c.planned_at, c.planner_name, c.planner_email,
       (SELECT count(*) FROM {r}changes WHERE project = :project)
  FROM {r}changes c
 WHERE c.project = :project
 ORDER BY c.committed_at DESC
 LIMIT 1

-- name: latest
SELECT change_id FROM {r}changes WHERE project = :project ORDER BY committed_at DESC LIMIT 1

-- name: tags_of
SELECT change_id, tag, tag_id, committed_at, committer_name, committer_email, planned_at, planner_name, planner_email
  FROM {r}tags
 WHERE change_id IN (:ids)
 ORDER BY tag

-- name: dependencies_of
SELECT change_id, type, dependency FROM {r}dependencies WHERE change_id IN (:ids) ORDER BY dependency

-- name: deployed_among
SELECT change_id FROM {r}changes WHERE change_id IN (:ids)

-- name: foreign_change
-- The earliest deployed instance of a change of another project.
SELECT change_id FROM {r}changes WHERE project = :project AND [change] = :change ORDER BY committed_at ASC LIMIT 1

-- name: foreign_tag
SELECT change_id FROM {r}tags WHERE project = :project AND tag = :tag

-- name: foreign_change_asof
-- The latest instance of a change of another project that was deployed before the tag was recorded, as Sqitch looks it up.
SELECT c.change_id
  FROM {r}changes c
  JOIN {r}tags t ON t.project = c.project
 WHERE c.project = :project AND c.[change] = :change AND t.tag = :tag AND c.committed_at <= t.committed_at
 ORDER BY c.committed_at DESC
 LIMIT 1

-- name: dependents
SELECT d.dependency_id, c.change_id, c.project, c.[change], c.committed_at
  FROM {r}dependencies d
  JOIN {r}changes c ON c.change_id = d.change_id
 WHERE d.dependency_id IN (:ids)
 ORDER BY c.committed_at ASC

-- name: first_tag_since
SELECT t.tag
  FROM {r}changes c
  JOIN {r}tags t ON t.change_id = c.change_id
 WHERE c.project = :project AND c.committed_at >= :since
 ORDER BY c.committed_at ASC, t.tag ASC
 LIMIT 1

-- name: requirements
SELECT d.change_id, d.dependency_id
  FROM {r}dependencies d
  JOIN {r}changes c ON c.change_id = d.change_id
 WHERE c.project = :project AND d.dependency_id IS NOT NULL

-- name: set_hash
UPDATE {r}changes SET script_hash = :hash WHERE project = :project AND change_id = :id AND script_hash = change_id

-- name: clear_hashes
UPDATE {r}changes SET script_hash = NULL WHERE project = :project AND script_hash = change_id

-- name: give_up_hash
UPDATE {r}changes SET script_hash = NULL WHERE change_id = :id

-- name: give_up_tag
UPDATE {r}tags SET tag = tag_id WHERE tag_id = :id

-- name: relink_change
UPDATE {r}changes
   SET change_id = :new_id, [change] = :name, script_hash = :hash, note = :note,
       planned_at = :planned_at, planner_name = :planner, planner_email = :email
 WHERE change_id = :id

-- name: move_requirements
-- What a foreign key does by itself where the database has it, ON UPDATE CASCADE; likewise the next two.
UPDATE {r}dependencies SET dependency_id = :new_id WHERE dependency_id = :id

-- name: move_dependencies
UPDATE {r}dependencies SET change_id = :new_id WHERE change_id = :id

-- name: move_tags
UPDATE {r}tags SET change_id = :new_id WHERE change_id = :id

-- name: relink_tag
UPDATE {r}tags
   SET tag_id = :new_id, tag = :name, change_id = :change_id, note = :note,
       planned_at = :planned_at, planner_name = :planner, planner_email = :email
 WHERE tag_id = :id

-- name: events
SELECT event, change_id, [change], project, note, requires, conflicts, tags,
       committed_at, committer_name, committer_email, planned_at, planner_name, planner_email
  FROM {r}events
 WHERE {conditions}
 ORDER BY committed_at {direction}
 LIMIT :limit OFFSET :offset

-- name: time_of
SELECT committed_at FROM {r}changes WHERE change_id = :id

-- name: times_of
-- When a change was recorded, and its tags.
SELECT committed_at FROM {r}changes WHERE change_id = :id
UNION ALL
SELECT committed_at FROM {r}tags WHERE change_id = :id

-- name: changes_since
SELECT change_id, committed_at FROM {r}changes WHERE project = :project AND committed_at >= :since

-- name: tags_since
SELECT t.tag_id, t.committed_at
  FROM {r}tags t
  JOIN {r}changes c ON c.change_id = t.change_id
 WHERE c.project = :project AND c.committed_at >= :since

-- name: move_change
UPDATE {r}changes SET committed_at = :at WHERE change_id = :id

-- name: move_tag
UPDATE {r}tags SET committed_at = :at WHERE tag_id = :id

-- name: insert_change
INSERT INTO {r}changes (change_id, script_hash, [change], project, note, committed_at,
                        committer_name, committer_email, planned_at, planner_name, planner_email)
VALUES (:id, :hash, :change, :project, :note, :at, :name, :email, :planned_at, :planner, :planner_email)

-- name: insert_dependency
INSERT INTO {r}dependencies (change_id, type, dependency, dependency_id) VALUES (:id, :type, :dependency, :dependency_id)

-- name: insert_tag
INSERT INTO {r}tags (tag_id, tag, project, change_id, note, committed_at, committer_name, committer_email,
                     planned_at, planner_name, planner_email)
VALUES (:tag_id, :tag, :project, :id, :note, :at, :name, :email, :planned_at, :planner, :planner_email)

-- name: insert_event
INSERT INTO {r}events (event, change_id, [change], project, note, requires, conflicts, tags, committed_at,
                       committer_name, committer_email, planned_at, planner_name, planner_email)
VALUES (:event, :id, :change, :project, :note, :requires, :conflicts, :tags, :at,
        :name, :email, :planned_at, :planner, :planner_email)

-- name: recorded
SELECT [change], project, note, committed_at, planned_at, planner_name, planner_email FROM {r}changes WHERE change_id = :id

-- name: recorded_dependencies
SELECT type, dependency FROM {r}dependencies WHERE change_id = :id

-- name: recorded_tags
SELECT tag FROM {r}tags WHERE change_id = :id ORDER BY committed_at, tag

-- name: delete_tags
DELETE FROM {r}tags WHERE change_id = :id

-- name: delete_dependencies
DELETE FROM {r}dependencies WHERE change_id = :id

-- name: delete_change
DELETE FROM {r}changes WHERE change_id = :id

-- name: create_progress
CREATE TABLE IF NOT EXISTS {r}sqitchpy_progress (
    change_id   VARCHAR(40)  NOT NULL,
    action      VARCHAR(8)   NOT NULL,
    script_hash VARCHAR(100) NOT NULL,
    statement   INTEGER      NOT NULL,
    line        INTEGER      NOT NULL,
    state       VARCHAR(8)   NOT NULL CHECK (state IN ('started', 'done')),
    notes       TEXT             NULL,
    PRIMARY KEY (change_id, action, script_hash, statement)
)

-- name: progress
SELECT statement, state, notes FROM {r}sqitchpy_progress
 WHERE change_id = :id AND action = :action AND script_hash = :hash
 ORDER BY statement

-- name: other_progress
SELECT script_hash, statement, state, notes FROM {r}sqitchpy_progress
 WHERE change_id = :id AND action = :action AND script_hash <> :hash
 ORDER BY statement

-- name: adopt_progress
UPDATE {r}sqitchpy_progress SET script_hash = :hash
 WHERE change_id = :id AND action = :action AND script_hash = :other

-- name: unfinished
SELECT DISTINCT change_id, script_hash FROM {r}sqitchpy_progress WHERE action = 'deploy'

-- name: forget_statement
DELETE FROM {r}sqitchpy_progress WHERE change_id = :id AND action = :action AND script_hash = :hash AND statement = :statement

-- name: finish_statement
UPDATE {r}sqitchpy_progress SET state = 'done'
 WHERE change_id = :id AND action = :action AND script_hash = :hash AND statement = :statement

-- name: note_statement
INSERT INTO {r}sqitchpy_progress (change_id, action, script_hash, statement, line, state, notes)
VALUES (:id, :action, :hash, :statement, :line, :state, :notes)

-- name: forget_other_progress
DELETE FROM {r}sqitchpy_progress WHERE change_id = :id AND NOT (action = :action AND script_hash = :hash)

-- name: forget_progress
DELETE FROM {r}sqitchpy_progress WHERE change_id = :id

-- name: forget_deploy_progress
-- A revert takes away what unfinished changes stand on: they start anew.
DELETE FROM {r}sqitchpy_progress WHERE action = 'deploy' OR change_id = :id
