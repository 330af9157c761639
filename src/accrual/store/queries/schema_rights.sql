-- Describes what the runtime role may do with each table.
select relname as name, string_agg(lower(granted.privilege_type), ', ' order by lower(granted.privilege_type)) as rights
from pg_class, aclexplode(relacl) granted
where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
    and granted.grantee = to_regrole('accrual_runtime')
group by relname
order by relname
