-- The outcomes of a stretch of one bucket's log. $1 bucket, $2 first position, $3 last position.
select position, bucket, status, chain, payload
from outcome
where bucket = $1 and position between $2 and $3
order by position
