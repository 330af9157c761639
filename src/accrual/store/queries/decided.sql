-- Which of these positions have an outcome.
select o.bucket, o.position
from unnest($1::integer[], $2::bigint[]) as wanted (bucket, position)
join outcome o on o.bucket = wanted.bucket and o.position = wanted.position
