-- What was taken from lots of accounts after a position each; both arrays are sliced by bucket with offsets.
select l.bucket, k.account, k.lot_position, k.lot_leg, k.amount
from lane l
cross join lateral unnest(
    ($3::bigint[])[($2::integer[])[l.bucket + 1] + 1 : ($2::integer[])[l.bucket + 2]],
    ($4::bigint[])[($2::integer[])[l.bucket + 1] + 1 : ($2::integer[])[l.bucket + 2]]
) as u (account, since)
cross join lateral (
    select n.account, n.lot_position, n.lot_leg, n.amount
    from lot_use n
    where n.bucket = l.bucket and n.account = u.account and n.position > u.since
    offset 0 -- a probe for each, whatever the planner believes of the table's size
) k
where l.bucket = any ($1::integer[])
