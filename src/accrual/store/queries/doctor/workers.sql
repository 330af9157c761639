-- Every lane process: its beat, whether its session is there, and how many buckets it owns.
-- Of another login's session PostgreSQL shows only that it is there.
select w.worker_id, w.label, w.beat, a.pid is not null,
       (select count(l.bucket) from lane l where l.owner = w.worker_id)
from worker w
left join pg_stat_activity a on a.pid = w.backend_pid and coalesce(a.backend_start = w.backend_start, true)
order by w.started_at
