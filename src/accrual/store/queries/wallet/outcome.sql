-- A decided command with its outcome, by its ticket. $1 bucket, $2 ticket.
select c.programme_id, c.facts, o.payload
from command c
join outcome o on o.bucket = c.bucket and o.position = c.position
where c.bucket = $1 and c.ticket = $2
