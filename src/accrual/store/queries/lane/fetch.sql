-- Commands of a batch: of each bucket those from a position on, at most so many; the arrays are indexed by bucket.
select
    c.bucket, c.position, uuid_send(c.ticket), c.programme_id, c.client_id, c.recorded_at, c.content, c.seal, c.facts,
    nullif(c.name, '')
from lane l
cross join lateral (
    select k.bucket, k.position, k.ticket, k.programme_id, k.client_id, k.recorded_at, k.content, k.seal, k.facts, k.name
    from command k
    where k.bucket = l.bucket and k.position >= ($2::bigint[])[l.bucket + 1]
    order by k.position
    limit ($3::integer[])[l.bucket + 1]
) c
where l.bucket = any ($1::integer[])
