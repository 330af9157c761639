-- Reads what is left of promos' budgets and caps, in the centre and in shares. $1 promos, $2 slots, $3 periods, $4 all buckets.
select b.promo_id, b.slot, b.period, b.cap, b.remaining + coalesce((
    select sum(s.remaining)
    from budget_share s
    where s.bucket = any ($4::integer[]) and s.promo_id = b.promo_id and s.slot = b.slot and s.period = b.period
), 0)::bigint as remaining
from unnest($1::integer[], $2::smallint[], $3::integer[]) as wanted (promo_id, slot, period)
join budget b on b.promo_id = wanted.promo_id and b.slot = wanted.slot and b.period = wanted.period
