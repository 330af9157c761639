-- Makes this session act as a role, where its login may; no row where it may not.
select set_config('role', r.rolname, false)
from pg_roles r
where r.rolname = $1 and pg_has_role(
    session_user, r.oid, case when current_setting('server_version_num')::integer >= 160000 then 'SET' else 'MEMBER' end
)
