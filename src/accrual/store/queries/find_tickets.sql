-- Which of these tickets are in the log already, and where.
select c.ticket, c.bucket, c.position, c.recorded_at, c.content
from unnest($1::integer[], $2::uuid[]) as wanted (bucket, ticket)
join command c on c.bucket = wanted.bucket and c.ticket = wanted.ticket
