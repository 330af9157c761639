-- Which of these positions have an outcome. `offset 0`: a probe for each.
select o.bucket, o.position
from unnest($1::integer[], $2::bigint[]) as wanted (bucket, position)
cross join lateral (
    select k.bucket, k.position
    from outcome k
    where k.bucket = wanted.bucket and k.position = wanted.position
    offset 0
) o
