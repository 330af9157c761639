-- Uses stocks of outlets, devices and rewards, in order, never below nothing; fewer rows than asked for: somebody was faster.
-- What is given back (less than nothing used) is always taken, and leaves the cap that the stock counts from as it is.
insert into quota as q (bucket, subject, promo_id, slot, period, cap, remaining)
select w.bucket, w.subject, w.promo_id, w.slot, w.period, w.cap, w.cap - w.used
from unnest($1::integer[], $2::bytea[], $3::integer[], $4::smallint[], $5::integer[], $6::bigint[], $7::bigint[])
    as w (bucket, subject, promo_id, slot, period, cap, used)
order by w.bucket, w.subject, w.promo_id, w.slot, w.period
on conflict (bucket, subject, promo_id, slot, period) do update
    set remaining = q.remaining + excluded.remaining
            - case when excluded.remaining > excluded.cap then excluded.cap else q.cap end,
        cap = case when excluded.remaining > excluded.cap then q.cap else excluded.cap end
    where excluded.remaining > excluded.cap or q.remaining + excluded.remaining - q.cap >= 0
returning q.bucket
