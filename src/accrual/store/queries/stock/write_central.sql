-- Adds to (below zero: takes from) the central rows of stocks, in order.
insert into budget as b (promo_id, slot, period, cap, remaining)
select w.promo_id, w.slot, w.period, 0, w.moved
from unnest($1::integer[], $2::smallint[], $3::integer[], $4::bigint[]) as w (promo_id, slot, period, moved)
order by w.promo_id, w.slot, w.period
on conflict (promo_id, slot, period) do update set remaining = b.remaining + excluded.remaining
