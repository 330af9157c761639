-- Keeps the secret of a round, apart from what is published of it.
insert into draw_secret (promo_id, round, secret) values ($1, $2, $3)
