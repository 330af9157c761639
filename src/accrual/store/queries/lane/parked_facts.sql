-- Parked commands by ticket: their places and stored facts, unless resumed already; tickets are sliced by bucket with offsets.
select u.ticket, n.position, n.recorded_at, n.facts
from lane l
cross join lateral unnest(($3::uuid[])[($2::integer[])[l.bucket + 1] + 1 : ($2::integer[])[l.bucket + 2]]) as u (ticket)
cross join lateral (
    select c.position, c.recorded_at, c.facts
    from command c
    join parked p on p.bucket = c.bucket and p.position = c.position
    where c.bucket = l.bucket and c.ticket = u.ticket and p.parked_at is not null and p.resumed_position is null
    offset 0 -- a probe for each, whatever the planner believes of the table's size
) n
where l.bucket = any ($1::integer[])
