-- A parked command by its ticket: position, client and stored facts, unless it was resumed already.
select c.position, c.programme_id, c.client_id, c.facts, c.recorded_at
from command c
join parked p on p.bucket = c.bucket and p.position = c.position
where c.bucket = $1::integer and c.ticket = $2::uuid and p.parked_at is not null and p.resumed_position is null
