-- The stored facts of commands by ticket; tickets are sliced by bucket with offsets.
select u.ticket, n.facts
from lane l
cross join lateral unnest(($3::uuid[])[($2::integer[])[l.bucket + 1] + 1 : ($2::integer[])[l.bucket + 2]]) as u (ticket)
cross join lateral (
    select c.facts
    from command c
    where c.bucket = l.bucket and c.ticket = u.ticket
    offset 0 -- a probe for each, whatever the planner believes of the table's size
) n
where l.bucket = any ($1::integer[])
