-- Lets the current user act as the runtime role; whoever may make roles may do this.
grant accrual_runtime to current_user
