-- Members of a programme with their newest profiles, by member. $1 bucket, $2 programme, $3 behind whom, $4 limit.
select distinct on (p.member_id) p.member_id, p.document
from profile p
join member m on m.bucket = p.bucket and m.member_id = p.member_id and m.merged_into is null
where p.bucket = $1 and m.programme_id = $2 and p.member_id > $3
order by p.member_id, p.position desc
limit $4
