-- Reads the picks of a round in order.
select pick, piece, prize, asset, amount, bucket, number, ticket, member_id, drawn_at, claim_by, claimed_at, expired_at,
    granted_at
from draw_winner
where promo_id = $1 and round = $2
order by pick
