-- A decided command by its ticket, with the outcome of the try that decided it where it was parked first.
select c.position, c.programme_id, c.recorded_at, c.facts, coalesce(r.status, o.status) as status,
       coalesce(r.payload, o.payload) as payload, coalesce(r.position, o.position) as decided_position
from command c
join outcome o on o.bucket = c.bucket and o.position = c.position
left join parked p on p.bucket = c.bucket and p.position = c.position
left join outcome r on r.bucket = p.bucket and r.position = p.resumed_position
where c.bucket = $1::integer and c.ticket = $2::uuid
