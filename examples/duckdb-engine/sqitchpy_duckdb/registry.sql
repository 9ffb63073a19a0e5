-- Sqitch's registry, version 1.1. It has no foreign keys: DuckDB checks them too early for a change to be deleted in the
-- transaction that has deleted what refers to it (https://duckdb.org/docs/stable/sql/indexes#over-eager-constraint-checking-in-foreign-keys).

CREATE TABLE {registry}releases (
    version         DECIMAL(4, 1) PRIMARY KEY,
    installed_at    TIMESTAMP NOT NULL,
    installer_name  TEXT NOT NULL,
    installer_email TEXT NOT NULL
);

CREATE TABLE {registry}projects (
    project       TEXT PRIMARY KEY,
    uri           TEXT UNIQUE,
    created_at    TIMESTAMP NOT NULL,
    creator_name  TEXT NOT NULL,
    creator_email TEXT NOT NULL
);

CREATE TABLE {registry}changes (
    change_id       TEXT PRIMARY KEY,
    script_hash     TEXT,
    change          TEXT NOT NULL,
    project         TEXT NOT NULL,
    note            TEXT NOT NULL DEFAULT '',
    committed_at    TIMESTAMP NOT NULL,
    committer_name  TEXT NOT NULL,
    committer_email TEXT NOT NULL,
    planned_at      TIMESTAMP NOT NULL,
    planner_name    TEXT NOT NULL,
    planner_email   TEXT NOT NULL,
    UNIQUE (project, script_hash)
);

CREATE TABLE {registry}tags (
    tag_id          TEXT PRIMARY KEY,
    tag             TEXT NOT NULL,
    project         TEXT NOT NULL,
    change_id       TEXT NOT NULL,
    note            TEXT NOT NULL DEFAULT '',
    committed_at    TIMESTAMP NOT NULL,
    committer_name  TEXT NOT NULL,
    committer_email TEXT NOT NULL,
    planned_at      TIMESTAMP NOT NULL,
    planner_name    TEXT NOT NULL,
    planner_email   TEXT NOT NULL,
    UNIQUE (project, tag)
);

CREATE TABLE {registry}dependencies (
    change_id     TEXT NOT NULL,
    type          TEXT NOT NULL,
    dependency    TEXT NOT NULL,
    dependency_id TEXT,
    PRIMARY KEY (change_id, dependency)
);

CREATE TABLE {registry}events (
    event           TEXT NOT NULL CHECK (event IN ('deploy', 'revert', 'fail', 'merge')),
    change_id       TEXT NOT NULL,
    change          TEXT NOT NULL,
    project         TEXT NOT NULL,
    note            TEXT NOT NULL DEFAULT '',
    requires        TEXT NOT NULL DEFAULT '',
    conflicts       TEXT NOT NULL DEFAULT '',
    tags            TEXT NOT NULL DEFAULT '',
    committed_at    TIMESTAMP NOT NULL,
    committer_name  TEXT NOT NULL,
    committer_email TEXT NOT NULL,
    planned_at      TIMESTAMP NOT NULL,
    planner_name    TEXT NOT NULL,
    planner_email   TEXT NOT NULL,
    PRIMARY KEY (change_id, committed_at)
);
