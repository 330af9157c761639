-- What was taken from lots of accounts after a position each; both arrays are sliced by bucket with offsets.
select l.bucket, k.account, k.lot_position, k.lot_leg, k.amount
from lane l
cross join lateral unnest(
    ($3::bigint[])[($2::integer[])[l.bucket + 1] + 1 : ($2::integer[])[l.bucket + 2]],
    ($4::bigint[])[($2::integer[])[l.bucket + 1] + 1 : ($2::integer[])[l.bucket + 2]]
) as u (account, since)
join lot_use k on k.bucket = l.bucket and k.account = u.account and k.position > u.since
where l.bucket = any ($1::integer[])
