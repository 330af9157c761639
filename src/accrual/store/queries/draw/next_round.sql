-- Opens the round behind the newest one of a promo.
insert into draw_round (promo_id, round, programme_id, revision, commitment, recorded_at, actor, scheme, shared, beacon)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
