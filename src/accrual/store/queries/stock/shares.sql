-- What buckets have at hand of promos' stocks.
select s.bucket, s.promo_id, s.slot, s.period, s.remaining
from unnest($1::integer[], $2::integer[], $3::smallint[], $4::integer[]) as wanted (bucket, promo_id, slot, period)
join budget_share s
    on s.bucket = wanted.bucket and s.promo_id = wanted.promo_id and s.slot = wanted.slot and s.period = wanted.period
