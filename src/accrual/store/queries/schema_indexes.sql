-- Describes the indexes that belong to no constraint.
select pg_get_indexdef(indexrelid) as definition
from pg_index
join pg_class on pg_class.oid = indexrelid
where relnamespace = 'public'::regnamespace
    and not exists (select from pg_constraint where conindid = indexrelid and contype in ('p', 'u', 'x'))
order by relname
