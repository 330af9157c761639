-- Reads the rounds of a promo; the secret only of those that are closed and, where a beacon decides them, decided.
select r.round, r.commitment, r.recorded_at, r.closed_at, r.entries, r.root, r.drawn_at,
    r.scheme, r.shared, r.share, r.beacon, r.beacon_value,
    case when r.closed_at is not null and (r.beacon is null or r.beacon_value is not null) then s.secret end as secret
from draw_round r join draw_secret s on s.promo_id = r.promo_id and s.round = r.round
where r.promo_id = $1
order by r.round
