-- The newest snapshot of open lots of each account that has one; accounts are sliced by bucket with offsets indexed by bucket.
select l.bucket, u.account, n.position, n.lots
from lane l
cross join lateral unnest(($3::bigint[])[($2::integer[])[l.bucket + 1] + 1 : ($2::integer[])[l.bucket + 2]]) as u (account)
cross join lateral (
    select s.position, s.lots
    from lot_snapshot s
    where s.bucket = l.bucket and s.account = u.account
    order by s.position desc
    limit 1
) n
where l.bucket = any ($1::integer[])
