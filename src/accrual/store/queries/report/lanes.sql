-- The reports of lane processes whose session is still there.
-- Of another login's session PostgreSQL shows only that it is there.
select w.report::text
from worker w
join pg_stat_activity a on a.pid = w.backend_pid and coalesce(a.backend_start = w.backend_start, true)
where w.report is not null
