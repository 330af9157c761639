-- Credits of accounts after a position each: the lots made since; both arrays are sliced by bucket with offsets.
select l.bucket, k.account, k.position, k.leg, k.amount, k.expires_at, k.active_at, k.origin_bucket, k.origin_position,
       k.origin_leg
from lane l
cross join lateral unnest(
    ($3::bigint[])[($2::integer[])[l.bucket + 1] + 1 : ($2::integer[])[l.bucket + 2]],
    ($4::bigint[])[($2::integer[])[l.bucket + 1] + 1 : ($2::integer[])[l.bucket + 2]]
) as u (account, since)
join line k on k.bucket = l.bucket and k.account = u.account and k.position > u.since
where l.bucket = any ($1::integer[]) and k.amount > 0
