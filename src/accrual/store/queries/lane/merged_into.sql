-- Whom members became by mergers; members are sliced by bucket with offsets, those that were never merged are left out.
select u.member_id, n.merged_into
from lane l
cross join lateral unnest(($3::bytea[])[($2::integer[])[l.bucket + 1] + 1 : ($2::integer[])[l.bucket + 2]]) as u (member_id)
cross join lateral (
    select m.merged_into
    from member m
    where m.bucket = l.bucket and m.member_id = u.member_id and m.merged_into is not null
    offset 0 -- a probe for each, whatever the planner believes of the table's size
) n
where l.bucket = any ($1::integer[])
