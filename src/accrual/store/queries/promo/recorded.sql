-- Reads when commands were recorded. $1 buckets, $2 positions.
select c.bucket, c.position, c.recorded_at
from unnest($1::integer[], $2::bigint[]) as wanted (bucket, position)
join command c on c.bucket = wanted.bucket and c.position = wanted.position
