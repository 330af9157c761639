-- Lets nobody else change what came of a round until the transaction ends.
select round, drawn_at, programme_id from draw_round where promo_id = $1 and round = $2 for update
