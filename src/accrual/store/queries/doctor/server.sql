-- The server's clock (by this transaction's start) and how large the database is.
select a.xact_start, pg_database_size(current_database())
from pg_stat_activity a
where a.pid = pg_backend_pid()
