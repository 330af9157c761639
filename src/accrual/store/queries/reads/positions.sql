-- Commands of one bucket by position, each with its outcome where there is one. $1 bucket, $2 positions.
select c.bucket, c.position, c.ticket, c.programme_id, c.client_id, c.recorded_at, c.content, c.seal, c.facts, c.name,
       c.body, o.status, o.payload
from command c
left join outcome o on o.bucket = c.bucket and o.position = c.position
where c.bucket = $1 and c.position = any ($2::bigint[])
