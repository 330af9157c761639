-- New passwords for the roles of a stopped embedded cluster; run in single-user mode, so one statement a line.
ALTER ROLE postgres PASSWORD :'superuser_password';
ALTER ROLE accrual_owner PASSWORD :'owner_password';
ALTER ROLE accrual_runtime PASSWORD :'runtime_password';
