-- How members are named, the first of each one's names. $1 bucket, $2 members.
select distinct on (i.member_id) i.member_id, i.kind, i.value
from identity i
where i.bucket = $1 and i.member_id = any ($2::bytea[])
order by i.member_id, i.kind, i.value
