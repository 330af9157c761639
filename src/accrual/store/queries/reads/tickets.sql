-- Commands by ticket, each with its outcome where there is one. $1 buckets, $2 tickets.
select c.bucket, c.position, c.ticket, c.programme_id, c.client_id, c.recorded_at, c.content, c.seal, c.facts, c.name,
       c.body, o.status, o.payload
from command c
left join outcome o on o.bucket = c.bucket and o.position = c.position
where c.bucket = any ($1::integer[]) and c.ticket = any ($2::uuid[])
