-- Reads the rounds of a promo; those that are closed, and decided where a beacon decides them, with their published secret.
select r.round, r.commitment, r.recorded_at, r.closed_at, r.entries, r.root, r.drawn_at,
    r.scheme, r.shared, r.share, r.beacon, r.beacon_value, r.secret
from draw_round r
where r.promo_id = $1
order by r.round
