-- Sqitch's registry, version 1.1: the same tables, columns, defaults and constraint names, so that both tools can use it.
CREATE SCHEMA IF NOT EXISTS :"registry";
COMMENT ON SCHEMA :"registry" IS 'Sqitch database deployment metadata v1.1.';

CREATE TABLE :"registry".releases (
    version         REAL        PRIMARY KEY,
    installed_at    TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    installer_name  TEXT        NOT NULL,
    installer_email TEXT        NOT NULL
);
COMMENT ON TABLE  :"registry".releases                 IS 'Versions of this registry.';
COMMENT ON COLUMN :"registry".releases.version         IS 'Version of the registry''s tables.';
COMMENT ON COLUMN :"registry".releases.installed_at    IS 'When the version was installed.';
COMMENT ON COLUMN :"registry".releases.installer_name  IS 'Who installed it.';
COMMENT ON COLUMN :"registry".releases.installer_email IS 'E-mail address of who installed it.';

CREATE TABLE :"registry".projects (
    project         TEXT        PRIMARY KEY,
    uri             TEXT            NULL UNIQUE,
    created_at      TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    creator_name    TEXT        NOT NULL,
    creator_email   TEXT        NOT NULL
);
COMMENT ON TABLE  :"registry".projects               IS 'Projects deployed to this database.';
COMMENT ON COLUMN :"registry".projects.project       IS 'Name of the project: %project of its plan.';
COMMENT ON COLUMN :"registry".projects.uri           IS 'URI of the project: %uri of its plan.';
COMMENT ON COLUMN :"registry".projects.created_at    IS 'When the project was first deployed here.';
COMMENT ON COLUMN :"registry".projects.creator_name  IS 'Who first deployed it here.';
COMMENT ON COLUMN :"registry".projects.creator_email IS 'E-mail address of who first deployed it here.';

CREATE TABLE :"registry".changes (
    change_id       TEXT        PRIMARY KEY,
    script_hash     TEXT            NULL,
    change          TEXT        NOT NULL,
    project         TEXT        NOT NULL REFERENCES :"registry".projects(project) ON UPDATE CASCADE,
    note            TEXT        NOT NULL DEFAULT '',
    committed_at    TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    committer_name  TEXT        NOT NULL,
    committer_email TEXT        NOT NULL,
    planned_at      TIMESTAMPTZ NOT NULL,
    planner_name    TEXT        NOT NULL,
    planner_email   TEXT        NOT NULL,
    UNIQUE (project, script_hash)
);
COMMENT ON TABLE  :"registry".changes                 IS 'Changes that are deployed now.';
COMMENT ON COLUMN :"registry".changes.change_id       IS 'Id of the change, a SHA-1 over its line in the plan.';
COMMENT ON COLUMN :"registry".changes.script_hash     IS 'SHA-1 of the deploy script''s bytes.';
COMMENT ON COLUMN :"registry".changes.change          IS 'Name of the change.';
COMMENT ON COLUMN :"registry".changes.project         IS 'Project the change belongs to.';
COMMENT ON COLUMN :"registry".changes.note            IS 'What the change is for.';
COMMENT ON COLUMN :"registry".changes.committed_at    IS 'When the change was deployed.';
COMMENT ON COLUMN :"registry".changes.committer_name  IS 'Who deployed it.';
COMMENT ON COLUMN :"registry".changes.committer_email IS 'E-mail address of who deployed it.';
COMMENT ON COLUMN :"registry".changes.planned_at      IS 'When the change was planned.';
COMMENT ON COLUMN :"registry".changes.planner_name    IS 'Who planned it.';
COMMENT ON COLUMN :"registry".changes.planner_email   IS 'E-mail address of who planned it.';

CREATE TABLE :"registry".tags (
    tag_id          TEXT        PRIMARY KEY,
    tag             TEXT        NOT NULL,
    project         TEXT        NOT NULL REFERENCES :"registry".projects(project) ON UPDATE CASCADE,
    change_id       TEXT        NOT NULL REFERENCES :"registry".changes(change_id) ON UPDATE CASCADE,
    note            TEXT        NOT NULL DEFAULT '',
    committed_at    TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    committer_name  TEXT        NOT NULL,
    committer_email TEXT        NOT NULL,
    planned_at      TIMESTAMPTZ NOT NULL,
    planner_name    TEXT        NOT NULL,
    planner_email   TEXT        NOT NULL,
    UNIQUE (project, tag)
);
COMMENT ON TABLE  :"registry".tags                 IS 'Tags of the changes that are deployed now.';
COMMENT ON COLUMN :"registry".tags.tag_id          IS 'Id of the tag, a SHA-1 over its line in the plan.';
COMMENT ON COLUMN :"registry".tags.tag             IS 'Name of the tag, with its @; one of a kind in its project.';
COMMENT ON COLUMN :"registry".tags.project         IS 'Project the tag belongs to.';
COMMENT ON COLUMN :"registry".tags.change_id       IS 'The tagged change.';
COMMENT ON COLUMN :"registry".tags.note            IS 'What the tag is for.';
COMMENT ON COLUMN :"registry".tags.committed_at    IS 'When the tag was recorded here.';
COMMENT ON COLUMN :"registry".tags.committer_name  IS 'Who recorded it.';
COMMENT ON COLUMN :"registry".tags.committer_email IS 'E-mail address of who recorded it.';
COMMENT ON COLUMN :"registry".tags.planned_at      IS 'When the tag was planned.';
COMMENT ON COLUMN :"registry".tags.planner_name    IS 'Who planned it.';
COMMENT ON COLUMN :"registry".tags.planner_email   IS 'E-mail address of who planned it.';

CREATE TABLE :"registry".dependencies (
    change_id       TEXT        NOT NULL REFERENCES :"registry".changes(change_id) ON UPDATE CASCADE ON DELETE CASCADE,
    type            TEXT        NOT NULL,
    dependency      TEXT        NOT NULL,
    dependency_id   TEXT            NULL REFERENCES :"registry".changes(change_id) ON UPDATE CASCADE CONSTRAINT dependencies_check CHECK (
            (type = 'require'  AND dependency_id IS NOT NULL)
         OR (type = 'conflict' AND dependency_id IS NULL)
    ),
    PRIMARY KEY (change_id, dependency)
);
COMMENT ON TABLE  :"registry".dependencies               IS 'What the deployed changes require and conflict with.';
COMMENT ON COLUMN :"registry".dependencies.change_id     IS 'The change that has the dependency.';
COMMENT ON COLUMN :"registry".dependencies.type          IS 'require or conflict.';
COMMENT ON COLUMN :"registry".dependencies.dependency    IS 'The dependency as the plan writes it.';
COMMENT ON COLUMN :"registry".dependencies.dependency_id IS 'The change that satisfies the requirement.';

CREATE TABLE :"registry".events (
    event           TEXT        NOT NULL CONSTRAINT events_event_check CHECK (
        event IN ('deploy', 'revert', 'fail', 'merge')
    ),
    change_id       TEXT        NOT NULL,
    change          TEXT        NOT NULL,
    project         TEXT        NOT NULL REFERENCES :"registry".projects(project) ON UPDATE CASCADE,
    note            TEXT        NOT NULL DEFAULT '',
    requires        TEXT[]      NOT NULL DEFAULT '{}',
    conflicts       TEXT[]      NOT NULL DEFAULT '{}',
    tags            TEXT[]      NOT NULL DEFAULT '{}',
    committed_at    TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    committer_name  TEXT        NOT NULL,
    committer_email TEXT        NOT NULL,
    planned_at      TIMESTAMPTZ NOT NULL,
    planner_name    TEXT        NOT NULL,
    planner_email   TEXT        NOT NULL,
    PRIMARY KEY (change_id, committed_at)
);
COMMENT ON TABLE  :"registry".events                 IS 'Everything that was ever deployed, reverted or failed here.';
COMMENT ON COLUMN :"registry".events.event           IS 'What happened: deploy, revert, fail or merge.';
COMMENT ON COLUMN :"registry".events.change_id       IS 'Id of the change it happened to.';
COMMENT ON COLUMN :"registry".events.change          IS 'Name of the change.';
COMMENT ON COLUMN :"registry".events.project         IS 'Project the change belongs to.';
COMMENT ON COLUMN :"registry".events.note            IS 'What the change is for.';
COMMENT ON COLUMN :"registry".events.requires        IS 'What the change requires.';
COMMENT ON COLUMN :"registry".events.conflicts       IS 'What the change conflicts with.';
COMMENT ON COLUMN :"registry".events.tags            IS 'Tags of the change.';
COMMENT ON COLUMN :"registry".events.committed_at    IS 'When it happened.';
COMMENT ON COLUMN :"registry".events.committer_name  IS 'Who made it happen.';
COMMENT ON COLUMN :"registry".events.committer_email IS 'E-mail address of who made it happen.';
COMMENT ON COLUMN :"registry".events.planned_at      IS 'When the change was planned.';
COMMENT ON COLUMN :"registry".events.planner_name    IS 'Who planned it.';
COMMENT ON COLUMN :"registry".events.planner_email   IS 'E-mail address of who planned it.';
