-- Commands of a bucket that are or were held for review, by their tickets, with the commands themselves.
select h.bucket, h.ticket, h.position, h.programme_id, h.verdict, h.verdict_position, c.client_id, c.recorded_at, c.facts
from held_command h
join command c on c.bucket = h.bucket and c.position = h.position
where h.bucket = $1::integer and h.ticket = any ($2::uuid[])
