-- Uses what buckets have at hand of stocks, in order, never below nothing; fewer rows than asked for means it was not there.
insert into budget_share as s (bucket, promo_id, slot, period, remaining)
select w.bucket, w.promo_id, w.slot, w.period, -w.used
from unnest($1::integer[], $2::integer[], $3::smallint[], $4::integer[], $5::bigint[])
    as w (bucket, promo_id, slot, period, used)
order by w.bucket, w.promo_id, w.slot, w.period
on conflict (bucket, promo_id, slot, period) do update
    set remaining = s.remaining + excluded.remaining
    where s.remaining + excluded.remaining >= 0
returning s.bucket
