-- Whether this session may act as a role; PostgreSQL 16 and later can allow membership without that.
select pg_has_role(current_user, $1, case when current_setting('server_version_num')::integer >= 160000 then 'SET' else 'MEMBER' end)
