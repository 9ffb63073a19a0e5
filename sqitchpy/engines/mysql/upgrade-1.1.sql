-- From 1.0 to 1.1: the same script may be deployed by two projects.
DROP INDEX script_hash ON {registry}changes;
ALTER TABLE {registry}changes ADD UNIQUE(project, script_hash);
