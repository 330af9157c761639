-- Members by id; ids are sliced by bucket with offsets indexed by bucket.
select m.member_id, m.merged_into, m.name, m.enrolled_at, m.marks
from lane l
cross join lateral unnest(($3::bytea[])[($2::integer[])[l.bucket + 1] + 1 : ($2::integer[])[l.bucket + 2]]) as u (member_id)
cross join lateral (
    select k.member_id, k.merged_into, k.name, k.enrolled_at, k.marks
    from member k
    where k.bucket = l.bucket and k.member_id = u.member_id
    offset 0 -- a probe for each, whatever the planner believes of the table's size
) m
where l.bucket = any ($1::integer[])
