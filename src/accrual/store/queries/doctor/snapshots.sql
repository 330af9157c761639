-- The session that has held its snapshot longest.
select a.xact_start, coalesce(a.application_name, '')
from pg_stat_activity a
where a.backend_xmin is not null and a.xact_start is not null and a.pid <> pg_backend_pid()
order by a.xact_start
limit 1
