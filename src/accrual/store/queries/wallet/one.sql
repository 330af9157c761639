-- Members with their newest profiles, for calls that name wallets; ids are sliced by bucket with offsets indexed by bucket.
-- $1 buckets, $2 offsets, $3 member_ids. The limits keep the planner, which cannot know array sizes, to index probes.
select m.member_id, m.programme_id, m.merged_into, m.enrolled_at, m.enrolled_position, p.document
from lane l
cross join lateral unnest(($3::bytea[])[($2::integer[])[l.bucket + 1] + 1 : ($2::integer[])[l.bucket + 2]]) as u (member_id)
cross join lateral (
    select m.bucket, m.member_id, m.programme_id, m.merged_into, m.enrolled_at, m.enrolled_position
    from member m
    where m.bucket = l.bucket and m.member_id = u.member_id
    limit 1
) m
left join lateral (
    select p.document
    from profile p
    where p.bucket = m.bucket and p.member_id = m.member_id
    order by p.position desc
    limit 1
) p on true
where l.bucket = any ($1::integer[])
