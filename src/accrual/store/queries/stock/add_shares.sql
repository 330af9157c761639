-- Puts more of stocks into buckets, in order.
insert into budget_share as s (bucket, promo_id, slot, period, remaining)
select w.bucket, w.promo_id, w.slot, w.period, w.moved
from unnest($1::integer[], $2::integer[], $3::smallint[], $4::integer[], $5::bigint[])
    as w (bucket, promo_id, slot, period, moved)
order by w.bucket, w.promo_id, w.slot, w.period
on conflict (bucket, promo_id, slot, period) do update set remaining = s.remaining + excluded.remaining
returning s.bucket, s.promo_id, s.slot, s.period, s.remaining
