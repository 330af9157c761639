-- A stretch of one bucket's log with its erasable part. $1 bucket, $2 first position, $3 last position.
select bucket, position, ticket, programme_id, client_id, recorded_at, content, seal, facts, name, salt, body
from command
where bucket = $1 and position between $2 and $3
order by position
