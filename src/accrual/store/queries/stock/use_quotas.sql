-- Uses caps of outlets and devices, in order, never below nothing; fewer rows than asked for means somebody was faster.
insert into quota as q (bucket, subject, promo_id, slot, period, cap, remaining)
select w.bucket, w.subject, w.promo_id, w.slot, w.period, w.cap, w.cap - w.used
from unnest($1::integer[], $2::bytea[], $3::integer[], $4::smallint[], $5::integer[], $6::bigint[], $7::bigint[])
    as w (bucket, subject, promo_id, slot, period, cap, used)
order by w.bucket, w.subject, w.promo_id, w.slot, w.period
on conflict (bucket, subject, promo_id, slot, period) do update
    set remaining = q.remaining + excluded.cap - q.cap + excluded.remaining - excluded.cap, cap = excluded.cap
    where q.remaining + excluded.cap - q.cap + excluded.remaining - excluded.cap >= 0
returning q.bucket
