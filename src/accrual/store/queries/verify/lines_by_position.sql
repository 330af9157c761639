-- Every line of a bucket in the order of the log, for a cursor. $1 bucket.
select bucket, account, position, leg, contra, amount, balance_after, held_after, kind, promo_version_id, active_at,
       expires_at, occurred_at, covers_from, origin_bucket, origin_position, origin_leg
from line
where bucket = $1
order by position, leg, account
