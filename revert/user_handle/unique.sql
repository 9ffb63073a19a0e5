-- Revert myapp:user_handle/unique from pg

DROP INDEX CONCURRENTLY users_user_handle_key;
