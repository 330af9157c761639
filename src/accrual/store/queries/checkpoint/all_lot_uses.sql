-- Every use of a lot of a bucket over a stretch of the log. $1 bucket, $2 first position, $3 last position.
select bucket, account, position, lot_position, lot_leg, amount, kind
from lot_use
where bucket = $1 and position between $2 and $3
order by position, account, lot_position, lot_leg
