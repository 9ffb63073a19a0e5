-- From a registry without versions to 1.0.

-- The hash of a change's script; its id stands for it until a deployment finds out.
ALTER TABLE {registry}changes ADD COLUMN script_hash VARCHAR(40) NULL UNIQUE AFTER change_id;
UPDATE {registry}changes SET script_hash = change_id;

ALTER TABLE {registry}events CHANGE event event ENUM ('deploy', 'fail', 'merge', 'revert') NOT NULL;

CREATE TABLE {registry}releases (
    version         FLOAT        PRIMARY KEY   COMMENT 'Version of the Sqitch registry.',
    installed_at    TIMESTAMP    NOT NULL      COMMENT 'Date the registry release was installed.',
    installer_name  VARCHAR(255) NOT NULL      COMMENT 'Name of the user who installed the registry release.',
    installer_email VARCHAR(255) NOT NULL      COMMENT 'Email address of the user who installed the registry release.'
) ENGINE InnoDB, CHARACTER SET 'utf8', COMMENT 'Sqitch registry releases.';
