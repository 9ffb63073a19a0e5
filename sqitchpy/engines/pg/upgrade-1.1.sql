-- From 1.0 to 1.1: a script's hash is one of a kind in its project, not in the whole registry.
ALTER TABLE :"registry".changes DROP CONSTRAINT changes_script_hash_key;
ALTER TABLE :"registry".changes ADD UNIQUE (project, script_hash);
COMMENT ON SCHEMA :"registry" IS 'Sqitch database deployment metadata v1.1.';
