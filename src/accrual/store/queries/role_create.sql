-- Makes the roles, which own nothing and cannot log in by themselves, where they are missing.
do $$
declare
    wanted text;
begin
    foreach wanted in array array['accrual_runtime', 'accrual_api', 'accrual_staff', 'accrual_worker', 'accrual_admin'] loop
        if not exists (select from pg_roles where rolname = wanted) then
            execute format('create role %I nologin noinherit', wanted);
        end if;
    end loop;
    if (select rolinherit from pg_roles where rolname = 'accrual_runtime') then
        alter role accrual_runtime noinherit;
    end if;
    grant accrual_api, accrual_staff, accrual_worker, accrual_admin to accrual_runtime;
end
$$
