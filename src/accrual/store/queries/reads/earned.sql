-- What accounts ($2) of a bucket ($1) earned since $3, a quarter of an hour at a time; $4 is the kind of award lines.
select e.quarter, least(greatest(sum(e.units), -9223372036854775807), 9223372036854775807)::bigint as units
from (
    select date_bin('15 minutes', k.occurred_at, timestamptz '1970-01-01 00:00:00+00') as quarter, k.amount as units
    from line k
    where k.bucket = $1::integer and k.account = any ($2::bigint[]) and k.kind = $4::smallint and k.occurred_at >= $3::timestamptz
    union all
    select date_bin('15 minutes', g.occurred_at, timestamptz '1970-01-01 00:00:00+00') as quarter, g.units
    from earning g
    where g.bucket = $1::integer and g.account = any ($2::bigint[]) and g.occurred_at >= $3::timestamptz
) e
group by e.quarter
