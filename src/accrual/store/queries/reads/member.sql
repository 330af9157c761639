-- A member with who referred it. $1 bucket, $2 member_id.
select m.member_id, m.programme_id, m.enrolled_at, m.merged_into, m.name, r.referrer_kind, r.referrer_value
from member m
left join referral r on r.bucket = m.bucket and r.member_id = m.member_id
where m.bucket = $1 and m.member_id = $2
