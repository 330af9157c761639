-- The roles and the database of a new embedded cluster; run in single-user mode, so one statement a line.
CREATE ROLE accrual_owner LOGIN PASSWORD :'owner_password';
CREATE ROLE accrual_runtime LOGIN NOINHERIT PASSWORD :'runtime_password';
CREATE ROLE accrual_api NOLOGIN;
CREATE ROLE accrual_staff NOLOGIN;
CREATE ROLE accrual_worker NOLOGIN;
CREATE ROLE accrual_admin NOLOGIN;
GRANT accrual_api, accrual_staff, accrual_worker, accrual_admin TO accrual_runtime;
CREATE DATABASE accrual OWNER accrual_owner;
REVOKE ALL ON DATABASE accrual FROM PUBLIC;
GRANT CONNECT ON DATABASE accrual TO accrual_runtime, accrual_api, accrual_staff, accrual_worker, accrual_admin;
