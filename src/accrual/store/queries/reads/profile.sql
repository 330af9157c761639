-- The newest profile of a member. $1 bucket, $2 member_id.
select p.document
from profile p
where p.bucket = $1 and p.member_id = $2
order by p.position desc
limit 1
