-- Lines whose balance is not that of the line before plus their amount, at most $1; without any, newest balance = sum.
-- all buckets: a benchmark checks the whole database
select s.bucket, s.account, s.position
from (
    select bucket, account, position, balance_after, amount,
        lag(balance_after, 1, 0::bigint) over (partition by bucket, account order by position, leg) as before
    from line
) s
where s.before + s.amount <> s.balance_after
limit $1
