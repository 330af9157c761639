-- As whom this session acts, and whether that role may do everything.
select r.rolname, r.rolsuper from pg_roles r where r.rolname = current_user
