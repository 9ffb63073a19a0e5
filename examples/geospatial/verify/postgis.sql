-- Verify myapp_geo:postgis on pg

BEGIN;

SELECT postgis_lib_version();

ROLLBACK;
