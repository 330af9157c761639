-- Award lines of members' accounts at one position each, in leg order; both arrays are sliced by bucket with offsets. $5: the kind.
select l.bucket, u.position, n.account, n.leg, n.amount, n.active_at
from lane l
cross join lateral unnest(
    ($3::bytea[])[($2::integer[])[l.bucket + 1] + 1 : ($2::integer[])[l.bucket + 2]],
    ($4::bigint[])[($2::integer[])[l.bucket + 1] + 1 : ($2::integer[])[l.bucket + 2]]
) as u (member_id, position)
cross join lateral (
    select k.account, k.leg, k.amount, k.active_at
    from account a
    join line k on k.bucket = a.bucket and k.account = a.account_id
    where a.bucket = l.bucket and a.member_id = u.member_id and k.position = u.position and k.kind = $5::smallint
    offset 0 -- a probe for each, whatever the planner believes of the table's size
) n
where l.bucket = any ($1::integer[])
order by l.bucket, u.position, n.leg
