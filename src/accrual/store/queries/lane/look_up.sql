-- Members by id, each with the newest line of one account: its balance. Either may be left out by a null. The arrays are
-- sliced by bucket with offsets indexed by bucket; answers carry their place in the arrays, counted from 1.
select
    ($2::integer[])[l.bucket + 1] + u.number,
    m.bucket is not null, m.merged_into, m.name, m.enrolled_at, m.marks,
    n.balance_after, n.held_after
from lane l
cross join lateral unnest(
    ($3::bytea[])[($2::integer[])[l.bucket + 1] + 1 : ($2::integer[])[l.bucket + 2]],
    ($4::bigint[])[($2::integer[])[l.bucket + 1] + 1 : ($2::integer[])[l.bucket + 2]]
) with ordinality as u (member_id, account, number)
left join lateral (
    select k.bucket, k.merged_into, k.name, k.enrolled_at, k.marks
    from member k
    where k.bucket = l.bucket and k.member_id = u.member_id
    offset 0 -- a probe for each, whatever the planner believes of the table's size
) m on true
left join lateral (
    select k.balance_after, k.held_after
    from line k
    where k.bucket = l.bucket and k.account = u.account
    order by k.position desc, k.leg desc
    limit 1
) n on true
where l.bucket = any ($1::integer[])
