-- From a registry older than versions to 1.0.
CREATE TABLE :"registry".releases (
    version         REAL        PRIMARY KEY,
    installed_at    TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    installer_name  TEXT        NOT NULL,
    installer_email TEXT        NOT NULL
);
COMMENT ON TABLE :"registry".releases IS 'Versions of this registry.';

-- The hashes cannot be known here: change ids stand in for them until the next deployment replaces them.
ALTER TABLE :"registry".changes ADD COLUMN script_hash TEXT NULL UNIQUE;
UPDATE :"registry".changes SET script_hash = change_id;
COMMENT ON COLUMN :"registry".changes.script_hash IS 'SHA-1 of the deploy script''s bytes.';

ALTER TABLE :"registry".events DROP CONSTRAINT events_event_check;
ALTER TABLE :"registry".events ADD CONSTRAINT events_event_check CHECK (event IN ('deploy', 'revert', 'fail', 'merge'));
COMMENT ON SCHEMA :"registry" IS 'Sqitch database deployment metadata v1.0.';
