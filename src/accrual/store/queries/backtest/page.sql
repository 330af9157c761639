-- Decided commands of some buckets, each from a position on, at most $3 of each, with their outcomes.
select c.bucket, c.position, uuid_send(c.ticket), c.programme_id, c.client_id, c.recorded_at, c.facts, o.status, o.payload
from unnest($1::integer[], $2::bigint[]) as wanted (bucket, first)
cross join lateral (
    select k.bucket, k.position, k.ticket, k.programme_id, k.client_id, k.recorded_at, k.facts
    from command k
    where k.bucket = wanted.bucket and k.position >= wanted.first
    order by k.position
    limit $3
) c
join outcome o on o.bucket = c.bucket and o.position = c.position
order by c.bucket, c.position
