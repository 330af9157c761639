-- Buckets and assets whose lines do not add up to zero, at most $1.
-- all buckets: a benchmark checks the whole database
select l.bucket, a.asset_id, sum(l.amount)::bigint as amount
from line l
left join account a on a.bucket = l.bucket and a.account_id = l.account
group by l.bucket, a.asset_id
having sum(l.amount) <> 0 or a.asset_id is null
limit $1
