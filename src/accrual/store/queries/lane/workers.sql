-- Every lane process, its beat, and whether the session that it registered with is still there.
select w.worker_id, w.beat, w.backend_pid, a.pid is not null as connected, w.label
from worker w
left join pg_stat_activity a on a.pid = w.backend_pid and a.backend_start = w.backend_start
