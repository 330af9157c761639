-- Which of these tickets are in the log already, and where. `offset 0`: a probe for each.
select c.ticket, c.bucket, c.position, c.recorded_at, c.content
from unnest($1::integer[], $2::uuid[]) as wanted (bucket, ticket)
cross join lateral (
    select k.ticket, k.bucket, k.position, k.recorded_at, k.content
    from command k
    where k.bucket = wanted.bucket and k.ticket = wanted.ticket
    offset 0
) c
