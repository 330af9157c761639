-- Describes what each role may do with each table, with some of its columns and with each function.
with granted as (
    select relname::text as name, lower(acl.privilege_type) as privilege, '' as columns, acl.grantee
    from pg_class, aclexplode(relacl) acl
    where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
    union all
    select relname::text, lower(acl.privilege_type),
        ' (' || string_agg(attname::text, ', ' order by attnum) || ')', acl.grantee
    from pg_class join pg_attribute on attrelid = pg_class.oid, aclexplode(attacl) acl
    where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
    group by relname, acl.privilege_type, acl.grantee
    union all
    select 'function ' || proname::text, lower(acl.privilege_type), '', acl.grantee
    from pg_proc, aclexplode(proacl) acl
    where pronamespace = 'public'::regnamespace
)
select granted.name, pg_roles.rolname::text as role,
    string_agg(granted.privilege || granted.columns, ', ' order by granted.privilege, granted.columns) as rights
from granted join pg_roles on pg_roles.oid = granted.grantee
where pg_roles.rolname in ('accrual_runtime', 'accrual_api', 'accrual_staff', 'accrual_worker', 'accrual_admin')
group by granted.name, pg_roles.rolname
order by granted.name, pg_roles.rolname
