-- What accounts earned since $4, a quarter of an hour at a time: award lines ($5), and what changed that later.
select l.bucket, u.account, e.quarter, least(greatest(sum(e.units), -9223372036854775807), 9223372036854775807)::bigint as units
from lane l
cross join lateral unnest(($3::bigint[])[($2::integer[])[l.bucket + 1] + 1 : ($2::integer[])[l.bucket + 2]]) as u (account)
cross join lateral (
    select date_bin('15 minutes', k.occurred_at, timestamptz '1970-01-01 00:00:00+00') as quarter, k.amount as units
    from line k
    where k.bucket = l.bucket and k.account = u.account and k.kind = $5::smallint and k.occurred_at >= $4::timestamptz
    union all
    select date_bin('15 minutes', g.occurred_at, timestamptz '1970-01-01 00:00:00+00') as quarter, g.units
    from earning g
    where g.bucket = l.bucket and g.account = u.account and g.occurred_at >= $4::timestamptz
) e
where l.bucket = any ($1::integer[])
group by l.bucket, u.account, e.quarter
