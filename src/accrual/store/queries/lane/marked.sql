-- Members that are merged or marked, at most so many of each bucket.
select l.bucket, m.member_id
from lane l
cross join lateral (
    select k.member_id
    from member k
    where k.bucket = l.bucket and (k.merged_into is not null or k.marks is not null)
    limit $2
) m
where l.bucket = any ($1::integer[])
