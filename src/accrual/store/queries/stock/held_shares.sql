-- What these buckets still have of a stock, locked in bucket order.
select s.bucket, s.remaining
from budget_share s
where s.bucket = any ($1::integer[]) and s.promo_id = $2::integer and s.slot = $3::smallint and s.period = $4::integer
    and s.remaining > 0
order by s.bucket
for update
