-- What is left of prizes' stocks, with the cap that each was counted from.
select q.subject, q.cap, q.remaining
from unnest($1::integer[], $2::bytea[], $3::integer[], $4::smallint[]) as wanted (bucket, subject, promo_id, slot)
join quota q
    on q.bucket = wanted.bucket and q.subject = wanted.subject and q.promo_id = wanted.promo_id
    and q.slot = wanted.slot and q.period = 0
