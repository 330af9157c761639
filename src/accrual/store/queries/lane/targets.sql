-- Decided commands by ticket, each with the outcome of the try that decided it; tickets are sliced by bucket with offsets.
select l.bucket, u.ticket, t.position, t.programme_id, t.recorded_at, t.facts, t.status, t.payload
from lane l
cross join lateral unnest(($3::uuid[])[($2::integer[])[l.bucket + 1] + 1 : ($2::integer[])[l.bucket + 2]]) as u (ticket)
cross join lateral (
    select c.programme_id, c.recorded_at, c.facts, coalesce(r.status, o.status) as status,
           coalesce(r.payload, o.payload) as payload, coalesce(r.position, o.position) as position
    from command c
    join outcome o on o.bucket = c.bucket and o.position = c.position
    left join parked p on p.bucket = c.bucket and p.position = c.position
    left join outcome r on r.bucket = p.bucket and r.position = p.resumed_position
    where c.bucket = l.bucket and c.ticket = u.ticket
    offset 0 -- a probe for each, whatever the planner believes of the table's size
) t
where l.bucket = any ($1::integer[])
