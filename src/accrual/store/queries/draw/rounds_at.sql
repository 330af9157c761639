-- Reads each promo's newest round that a programme had at a revision, without its secret.
select distinct on (r.promo_id) r.promo_id, r.round, r.recorded_at, r.scheme, r.commitment, r.shared, r.beacon
from draw_round r
where r.programme_id = $1 and r.revision <= $2
order by r.promo_id, r.round desc
