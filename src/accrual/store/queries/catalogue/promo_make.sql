-- Makes a promo with the next free number; it has no version yet.
insert into promo (programme_id, promo_id, code, origin)
select $1, coalesce(max(promo_id), 0) + 1, $2, $3 from promo
on conflict (programme_id, code) do nothing
