-- What is left of the caps of outlets and devices, with the cap that it was counted from.
select q.subject, q.promo_id, q.slot, q.period, q.cap, q.remaining
from unnest($1::integer[], $2::bytea[], $3::integer[], $4::smallint[], $5::integer[])
    as wanted (bucket, subject, promo_id, slot, period)
cross join lateral (
    select k.subject, k.promo_id, k.slot, k.period, k.cap, k.remaining
    from quota k
    where k.bucket = wanted.bucket and k.subject = wanted.subject and k.promo_id = wanted.promo_id
        and k.slot = wanted.slot and k.period = wanted.period
    offset 0 -- a probe for each, whatever the planner believes of the table's size
) q
