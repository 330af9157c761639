-- Closes the open round of a promo, once no posting draws in it any more.
update draw_round set closed_at = $2 where promo_id = $1 and closed_at is null
returning round, commitment, beacon
