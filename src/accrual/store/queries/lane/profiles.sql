-- The newest profile of each member wanted; ids are sliced by bucket with offsets indexed by bucket.
select u.member_id, n.document
from lane l
cross join lateral unnest(($3::bytea[])[($2::integer[])[l.bucket + 1] + 1 : ($2::integer[])[l.bucket + 2]]) as u (member_id)
cross join lateral (
    select p.document
    from profile p
    where p.bucket = l.bucket and p.member_id = u.member_id
    order by p.position desc
    limit 1
) n
where l.bucket = any ($1::integer[])
