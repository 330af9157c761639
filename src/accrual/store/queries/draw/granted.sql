-- Notes that the command which gives a pick its prize is in the log.
update draw_winner set granted_at = $4
where promo_id = $1 and round = $2 and pick = any ($3::integer[]) and granted_at is null
