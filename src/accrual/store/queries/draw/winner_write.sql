-- Writes a pick of a raffle down; a pick is made once.
insert into draw_winner (promo_id, round, pick, piece, prize, asset, amount, bucket, number, ticket, member_id, drawn_at,
    claim_by, claimed_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
