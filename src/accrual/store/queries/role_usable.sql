-- Which of some roles this session may act as; PostgreSQL 16 and later can allow membership without that.
select r.rolname
from pg_roles r
where r.rolname = any ($1::text[]) and pg_has_role(
    session_user, r.oid, case when current_setting('server_version_num')::integer >= 160000 then 'SET' else 'MEMBER' end
)
