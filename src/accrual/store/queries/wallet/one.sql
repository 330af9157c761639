-- A member with their newest profile, for calls that name a wallet. $1 bucket, $2 member_id.
select m.programme_id, m.merged_into, m.enrolled_at, m.enrolled_position, p.document
from member m
left join lateral (
    select p.document
    from profile p
    where p.bucket = m.bucket and p.member_id = m.member_id
    order by p.position desc
    limit 1
) p on true
where m.bucket = $1 and m.member_id = $2
