-- Empties shares of stocks in these buckets, for the centre; the caller's lane owns them, so nobody else uses them.
update budget_share s
set remaining = 0
where s.bucket = any ($1::integer[]) and s.promo_id = $2::integer and s.slot = $3::smallint and s.period = $4::integer
    and s.remaining > 0
returning s.bucket
