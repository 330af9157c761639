-- Which of some tables the role of this session may change or empty. $1 table names.
select t.name
from unnest($1::text[]) as t (name)
where has_table_privilege(t.name, 'update') or has_table_privilege(t.name, 'delete') or has_table_privilege(t.name, 'truncate')
order by t.name
