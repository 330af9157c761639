-- Every line of a bucket over a stretch of the log, whatever its account. $1 bucket, $2 first position, $3 last position.
select bucket, account, position, leg, contra, amount, balance_after, held_after, kind, promo_version_id, active_at,
       expires_at, occurred_at, covers_from, origin_bucket, origin_position, origin_leg
from line
where bucket = $1 and position between $2 and $3
order by position, leg, account
