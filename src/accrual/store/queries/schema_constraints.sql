-- Describes the constraints of every table; that a column is not null is said with the column.
select conrelid::regclass::text as name, conname as label, pg_get_constraintdef(oid) as definition
from pg_constraint
where connamespace = 'public'::regnamespace and contype <> 'n'
order by conrelid::regclass::text, contype desc, conname
