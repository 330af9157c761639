-- How long ago, in seconds before the given time, the oldest snapshot still held was taken; 0 when none is.
select coalesce(ceil(extract(epoch from $1::timestamptz - min(a.xact_start))), 0)::bigint
from pg_stat_activity a
where a.backend_xmin is not null and a.xact_start is not null and a.pid <> pg_backend_pid()
