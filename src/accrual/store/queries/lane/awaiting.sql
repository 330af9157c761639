-- Tickets of the parked returns that wait for commands and were not tried again since; targets are sliced by bucket with offsets.
select u.target, n.ticket
from lane l
cross join lateral unnest(($3::uuid[])[($2::integer[])[l.bucket + 1] + 1 : ($2::integer[])[l.bucket + 2]]) as u (target)
cross join lateral (
    select c.ticket, w.position
    from awaited w
    join parked p on p.bucket = w.bucket and p.position = w.position
    join command c on c.bucket = w.bucket and c.position = w.position
    where w.bucket = l.bucket and w.target = u.target and p.resumed_position is null
    offset 0 -- a probe for each, whatever the planner believes of the table's size
) n
where l.bucket = any ($1::integer[])
order by l.bucket, u.target, n.position
