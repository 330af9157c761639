-- Says who the changes of this transaction are made for; the database notes it with each changed row of the catalogue.
select set_config('accrual.actor', $1, true)
