-- What is left of the caps of outlets and devices, with the cap that it was counted from.
select q.subject, q.promo_id, q.slot, q.period, q.cap, q.remaining
from unnest($1::integer[], $2::bytea[], $3::integer[], $4::smallint[], $5::integer[])
    as wanted (bucket, subject, promo_id, slot, period)
join quota q
    on q.bucket = wanted.bucket and q.subject = wanted.subject and q.promo_id = wanted.promo_id
    and q.slot = wanted.slot and q.period = wanted.period
