-- What buckets have at hand of promos' stocks.
select s.bucket, s.promo_id, s.slot, s.period, s.remaining
from unnest($1::integer[], $2::integer[], $3::smallint[], $4::integer[]) as wanted (bucket, promo_id, slot, period)
cross join lateral (
    select k.bucket, k.promo_id, k.slot, k.period, k.remaining
    from budget_share k
    where k.bucket = wanted.bucket and k.promo_id = wanted.promo_id and k.slot = wanted.slot
        and k.period = wanted.period
    offset 0 -- a probe for each, whatever the planner believes of the table's size
) s
