-- Reads outcomes at some places of the log. $1 buckets, $2 positions.
select o.payload
from unnest($1::integer[], $2::bigint[]) as wanted (bucket, position)
join outcome o on o.bucket = wanted.bucket and o.position = wanted.position
