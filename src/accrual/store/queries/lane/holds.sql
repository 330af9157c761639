-- What commands set aside, by their tickets, which are sliced by bucket with offsets.
select l.bucket, w.hold_id, n.account, n.position, n.amount, n.expires_at, n.resolved_position
from lane l
cross join lateral unnest(($3::uuid[])[($2::integer[])[l.bucket + 1] + 1 : ($2::integer[])[l.bucket + 2]]) as w (hold_id)
cross join lateral (
    select h.account, h.position, h.amount, h.expires_at, h.resolved_position
    from hold h
    where h.bucket = l.bucket and h.hold_id = w.hold_id
    offset 0 -- a probe for each, whatever the planner believes of the table's size
) n
where l.bucket = any ($1::integer[])
