-- Members by id; ids are sliced by bucket with offsets indexed by bucket.
select m.member_id, m.merged_into, m.name, m.enrolled_at, m.marks
from lane l
cross join lateral unnest(($3::bytea[])[($2::integer[])[l.bucket + 1] + 1 : ($2::integer[])[l.bucket + 2]]) as u (member_id)
join member m on m.bucket = l.bucket and m.member_id = u.member_id
where l.bucket = any ($1::integer[])
