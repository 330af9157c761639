-- What the newest lines of all members' main accounts add up to.
-- all buckets: a benchmark checks the whole database
select sum(n.balance_after)::bigint
from account a
cross join lateral (
    select l.balance_after
    from line l
    where l.bucket = a.bucket and l.account = a.account_id
    order by l.position desc, l.leg desc
    limit 1
) n
where a.role = 0
