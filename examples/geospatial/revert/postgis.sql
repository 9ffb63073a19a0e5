-- Revert myapp_geo:postgis from pg

BEGIN;

-- Without CASCADE: a geometry column that is still there stops this.
DROP EXTENSION postgis;

COMMIT;
