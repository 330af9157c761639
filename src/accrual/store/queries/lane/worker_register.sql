-- Makes this lane process known, with the session it works in.
insert into worker (worker_id, beat, backend_pid, backend_start, started_at, label)
select $1::uuid, 1, a.pid, a.backend_start, $2::timestamptz, $3::text
from pg_stat_activity a
where a.pid = pg_backend_pid()
