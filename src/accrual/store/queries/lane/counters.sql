-- The newest value of each counter wanted; the wanted keys are sliced by bucket with offsets indexed by bucket.
select u.member_id, u.promo_id, u.slot, u.period, n.value_after
from lane l
cross join lateral unnest(
    ($3::bytea[])[($2::integer[])[l.bucket + 1] + 1 : ($2::integer[])[l.bucket + 2]],
    ($4::integer[])[($2::integer[])[l.bucket + 1] + 1 : ($2::integer[])[l.bucket + 2]],
    ($5::smallint[])[($2::integer[])[l.bucket + 1] + 1 : ($2::integer[])[l.bucket + 2]],
    ($6::integer[])[($2::integer[])[l.bucket + 1] + 1 : ($2::integer[])[l.bucket + 2]]
) as u (member_id, promo_id, slot, period)
cross join lateral (
    select c.value_after
    from counter c
    where c.bucket = l.bucket and c.member_id = u.member_id and c.promo_id = u.promo_id and c.slot = u.slot
        and c.period = u.period
    order by c.position desc
    limit 1
) n
where l.bucket = any ($1::integer[])
