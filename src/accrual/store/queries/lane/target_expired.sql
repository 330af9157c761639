-- How much expired of what commands ($4 bucket, $5 position) credited to members, by leg: of their lots and of those that continue
-- them. Members and places are sliced by the member's bucket with offsets. Kind 4 is expiry.
select u.origin_bucket, u.origin_position, n.origin_leg, sum(n.amount)::bigint as expired
from lane l
cross join lateral unnest(
    ($3::bytea[])[($2::integer[])[l.bucket + 1] + 1 : ($2::integer[])[l.bucket + 2]],
    ($4::integer[])[($2::integer[])[l.bucket + 1] + 1 : ($2::integer[])[l.bucket + 2]],
    ($5::bigint[])[($2::integer[])[l.bucket + 1] + 1 : ($2::integer[])[l.bucket + 2]]
) as u (member_id, origin_bucket, origin_position)
cross join lateral (
    select k.leg as origin_leg, e.amount
    from account a
    join line k on k.bucket = a.bucket and k.account = a.account_id
    join lot_use e
        on e.bucket = k.bucket and e.account = k.account and e.lot_position = k.position and e.lot_leg = k.leg and e.kind = 4
    where a.bucket = l.bucket and a.member_id = u.member_id and u.origin_bucket = l.bucket
        and k.position = u.origin_position and k.origin_position is null and k.amount > 0
    union all
    select k.origin_leg, e.amount
    from account a
    join line k on k.bucket = a.bucket and k.account = a.account_id
    join lot_use e
        on e.bucket = k.bucket and e.account = k.account and e.lot_position = k.position and e.lot_leg = k.leg and e.kind = 4
    where a.bucket = l.bucket and a.member_id = u.member_id
        and k.origin_position = u.origin_position and k.origin_bucket = u.origin_bucket and k.amount > 0
    offset 0 -- a probe for each, whatever the planner believes of the table's size
) n
where l.bucket = any ($1::integer[])
group by u.origin_bucket, u.origin_position, n.origin_leg
