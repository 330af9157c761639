-- The roles and the database of a new embedded cluster; run in single-user mode, so one statement a line.
CREATE ROLE accrual_owner LOGIN PASSWORD :'owner_password';
CREATE ROLE accrual_runtime LOGIN PASSWORD :'runtime_password';
CREATE DATABASE accrual OWNER accrual_owner;
REVOKE ALL ON DATABASE accrual FROM PUBLIC;
GRANT CONNECT ON DATABASE accrual TO accrual_runtime;
