-- The accounts of some members of a bucket, and its system accounts. $1 bucket, $2 member ids, $3 end of system accounts.
select account_id from account where bucket = $1 and member_id = any ($2::bytea[])
union all
select account_id from account where bucket = $1 and account_id < $3
