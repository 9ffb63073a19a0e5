-- Deploy myapp_fdw:archive_server to pg
-- requires: postgres_fdw

-- Where the archive is, is not the same everywhere:
--     deploy --set fdw_host=archive.internal --set fdw_port=5432 --set fdw_dbname=archive --set fdw_user=reader
-- What is not set points back at this very database, so that the example deploys anywhere.
SELECT coalesce(nullif(btrim(split_part(current_setting('unix_socket_directories'), ',', 1), ' "'), ''), 'localhost')
           AS own_host,
       current_setting('port') AS own_port,
       current_database() AS own_dbname,
       current_user AS own_user
\gset
\if :{?fdw_host}
\else
\set fdw_host :own_host
\endif
\if :{?fdw_port}
\else
\set fdw_port :own_port
\endif
\if :{?fdw_dbname}
\else
\set fdw_dbname :own_dbname
\endif
\if :{?fdw_user}
\else
\set fdw_user :own_user
\endif

BEGIN;

-- lock_timeout on the far side: what a query finds locked there must not make it wait for ever here.
CREATE SERVER archive FOREIGN DATA WRAPPER postgres_fdw
    OPTIONS (host :'fdw_host', port :'fdw_port', dbname :'fdw_dbname', options '-c lock_timeout=2s');

-- No password in a script: it belongs into the server's .pgpass, or the mapping is altered by hand.
CREATE USER MAPPING FOR CURRENT_USER SERVER archive
    OPTIONS (user :'fdw_user');

COMMIT;
