-- Ends the picks that nobody claimed by their time, so that their prizes go to reserves.
update draw_winner set expired_at = $3
where promo_id = $1 and round = $2 and claimed_at is null and expired_at is null and claim_by <= $3
returning pick
