-- Makes the runtime role, which owns nothing and cannot log in by itself.
create role accrual_runtime nologin
