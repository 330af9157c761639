-- Reads the secret of each promo's newest round that a programme had at a revision.
select distinct on (r.promo_id) r.promo_id, r.round, s.secret, r.recorded_at, r.scheme, r.commitment, r.shared, r.beacon
from draw_round r join draw_secret s on s.promo_id = r.promo_id and s.round = r.round
where r.programme_id = $1 and r.revision <= $2
order by r.promo_id, r.round desc
