-- A stretch of one bucket's log and its outcomes, as the chain covers them. $1 bucket, $2 first position, $3 last position.
select c.bucket, c.position, c.ticket, c.programme_id, c.client_id, c.recorded_at, c.content, c.seal, c.facts,
       o.status, o.chain, o.payload
from command c
left join outcome o on o.bucket = c.bucket and o.position = c.position
where c.bucket = $1 and c.position between $2 and $3
order by c.position
