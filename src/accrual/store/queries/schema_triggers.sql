-- Describes the triggers of the schema's tables that no constraint made.
select pg_get_triggerdef(pg_trigger.oid) as definition
from pg_trigger
join pg_class on pg_class.oid = tgrelid
where relnamespace = 'public'::regnamespace and not tgisinternal
order by relname, tgname
