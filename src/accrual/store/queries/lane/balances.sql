-- The newest line of each account: its balance; accounts are sliced by bucket with offsets indexed by bucket.
select l.bucket, u.account, n.balance_after, n.held_after
from lane l
cross join lateral unnest(($3::bigint[])[($2::integer[])[l.bucket + 1] + 1 : ($2::integer[])[l.bucket + 2]]) as u (account)
cross join lateral (
    select k.balance_after, k.held_after
    from line k
    where k.bucket = l.bucket and k.account = u.account
    order by k.position desc, k.leg desc
    limit 1
) n
where l.bucket = any ($1::integer[])
