-- Writes down how many entries a closed round has, and the digest over where all buckets end.
update draw_round set entries = $3, root = $4, drawn_at = $5 where promo_id = $1 and round = $2
