-- Credits of accounts after a position each: the lots made since; both arrays are sliced by bucket with offsets.
select l.bucket, k.account, k.position, k.leg, k.amount, k.expires_at, k.active_at, k.origin_bucket, k.origin_position,
       k.origin_leg
from lane l
cross join lateral unnest(
    ($3::bigint[])[($2::integer[])[l.bucket + 1] + 1 : ($2::integer[])[l.bucket + 2]],
    ($4::bigint[])[($2::integer[])[l.bucket + 1] + 1 : ($2::integer[])[l.bucket + 2]]
) as u (account, since)
cross join lateral (
    select n.account, n.position, n.leg, n.amount, n.expires_at, n.active_at, n.origin_bucket, n.origin_position,
           n.origin_leg
    from line n
    where n.bucket = l.bucket and n.account = u.account and n.position > u.since and n.amount > 0
    offset 0 -- a probe for each, whatever the planner believes of the table's size
) k
where l.bucket = any ($1::integer[])
