-- Every use of a lot of a bucket in the order of the log, for a cursor. $1 bucket.
select bucket, account, position, lot_position, lot_leg, amount, kind
from lot_use
where bucket = $1
order by position, account, lot_position, lot_leg
