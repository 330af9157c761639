-- The few tables that are updated all the time: their size and dead rows. $1 names of the tables.
select s.relname, s.n_live_tup, pg_total_relation_size(s.relid), s.n_dead_tup
from pg_stat_user_tables s
where s.relname = any ($1::text[])
order by s.relname
