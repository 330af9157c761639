-- Which of some tables this session or a role of some may change or empty. $1 table names, $2 role names.
select t.name || ' (' || string_agg(r.rolname, ', ' order by r.rolname) || ')'
from unnest($1::text[]) as t (name)
join pg_roles r on (r.rolname = current_user or r.rolname = any ($2::text[]))
    and (
        has_table_privilege(r.rolname, t.name, 'update') or has_table_privilege(r.rolname, t.name, 'delete')
        or has_table_privilege(r.rolname, t.name, 'truncate')
    )
group by t.name
order by t.name
