-- Claims a pick in time; nothing where it is claimed, expired or over already.
update draw_winner set claimed_at = $4
where promo_id = $1 and round = $2 and pick = $3 and claimed_at is null and expired_at is null
    and (claim_by is null or claim_by > $4)
returning pick
