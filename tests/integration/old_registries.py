"""Registries as older versions of Sqitch made them, written out from sqitch-compat's description of the tables."""

from __future__ import annotations

_PEOPLE = (
    "committer_name TEXT NOT NULL, committer_email TEXT NOT NULL, "
    "planned_at TIMESTAMPTZ NOT NULL, planner_name TEXT NOT NULL, planner_email TEXT NOT NULL"
)
_PROJECT = "project TEXT NOT NULL REFERENCES sqitch.projects(project) ON UPDATE CASCADE"
_TIME = "committed_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp()"


def _tables(script_hash: str, event_kinds: str) -> str:
    return f"""
CREATE TABLE sqitch.projects (
    project TEXT PRIMARY KEY, uri TEXT NULL UNIQUE, created_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    creator_name TEXT NOT NULL, creator_email TEXT NOT NULL
);
CREATE TABLE sqitch.changes (
    change_id TEXT PRIMARY KEY, {script_hash} change TEXT NOT NULL, {_PROJECT}, note TEXT NOT NULL DEFAULT '',
    {_TIME}, {_PEOPLE}
);
CREATE TABLE sqitch.tags (
    tag_id TEXT PRIMARY KEY, tag TEXT NOT NULL, {_PROJECT},
    change_id TEXT NOT NULL REFERENCES sqitch.changes(change_id) ON UPDATE CASCADE,
    note TEXT NOT NULL DEFAULT '', {_TIME}, {_PEOPLE}, UNIQUE (project, tag)
);
CREATE TABLE sqitch.dependencies (
    change_id TEXT NOT NULL REFERENCES sqitch.changes(change_id) ON UPDATE CASCADE ON DELETE CASCADE,
    type TEXT NOT NULL, dependency TEXT NOT NULL,
    dependency_id TEXT NULL REFERENCES sqitch.changes(change_id) ON UPDATE CASCADE
        CONSTRAINT dependencies_check CHECK (
            (type = 'require' AND dependency_id IS NOT NULL) OR (type = 'conflict' AND dependency_id IS NULL)
        ),
    PRIMARY KEY (change_id, dependency)
);
CREATE TABLE sqitch.events (
    event TEXT NOT NULL CONSTRAINT events_event_check CHECK (event IN ({event_kinds})),
    change_id TEXT NOT NULL, change TEXT NOT NULL, {_PROJECT}, note TEXT NOT NULL DEFAULT '',
    requires TEXT[] NOT NULL DEFAULT '{{}}', conflicts TEXT[] NOT NULL DEFAULT '{{}}',
    tags TEXT[] NOT NULL DEFAULT '{{}}',
    {_TIME}, {_PEOPLE}, PRIMARY KEY (change_id, committed_at)
);
"""


VERSION_0 = "CREATE SCHEMA sqitch;" + _tables("", "'deploy', 'revert', 'fail'")

VERSION_1_0 = (
    "CREATE SCHEMA sqitch;"
    "CREATE TABLE sqitch.releases (version REAL PRIMARY KEY,"
    " installed_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),"
    " installer_name TEXT NOT NULL, installer_email TEXT NOT NULL);"
    + _tables("script_hash TEXT NULL UNIQUE,", "'deploy', 'revert', 'fail', 'merge'")
    + "INSERT INTO sqitch.releases VALUES (1.0, '2014-01-01 00:00:00+00', 'Old Timer', 'old@example.com');"
)
