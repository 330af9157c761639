-- Ends the session of a dead lane process that still holds row locks, if it still is that session.
select pg_terminate_backend(a.pid)
from worker w
join pg_stat_activity a on a.pid = w.backend_pid and a.backend_start = w.backend_start
where w.worker_id = $1::uuid
