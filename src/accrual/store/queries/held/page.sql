-- A page of a programme's commands that are held for review (or were: $3 false), in order of buckets and positions behind ($4, $5).
select h.bucket, h.ticket, h.position, h.programme_id, h.verdict, h.verdict_position, c.client_id, c.recorded_at, c.facts
from held_command h
join command c on c.bucket = h.bucket and c.position = h.position
where h.bucket = any ($1::integer[]) and h.programme_id = $2::integer
    and (h.bucket, h.position) > ($4::integer, $5::bigint)
    and (h.verdict = 0 or not $3::boolean)
order by h.bucket, h.position
limit $6::integer
