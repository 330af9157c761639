-- The reports of lane processes whose session is still there.
select w.report::text
from worker w
join pg_stat_activity a on a.pid = w.backend_pid and a.backend_start = w.backend_start
where w.report is not null
