-- What the centre has of stocks, with the cap that it was counted from; nothing is locked.
select b.promo_id, b.slot, b.period, b.cap, b.remaining
from unnest($1::integer[], $2::smallint[], $3::integer[]) as wanted (promo_id, slot, period)
join budget b on b.promo_id = wanted.promo_id and b.slot = wanted.slot and b.period = wanted.period
