-- Reads the rounds of a programme's raffles in which winners were drawn.
select promo_id, round from draw_round where programme_id = $1 and drawn_at is not null order by promo_id, round
