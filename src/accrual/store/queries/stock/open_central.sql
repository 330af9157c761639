-- Locks the central rows of stocks in order, making those that are new and following a changed cap; answers what is left.
insert into budget as b (promo_id, slot, period, cap, remaining)
select w.promo_id, w.slot, w.period, w.cap, w.cap
from unnest($1::integer[], $2::smallint[], $3::integer[], $4::bigint[]) as w (promo_id, slot, period, cap)
order by w.promo_id, w.slot, w.period
on conflict (promo_id, slot, period) do update
    set remaining = b.remaining + excluded.cap - b.cap, cap = excluded.cap
returning b.promo_id, b.slot, b.period, b.remaining
