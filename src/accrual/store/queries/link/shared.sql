-- Which of these install ids were seen with anybody but the member beside them.
select w.install, w.member_id
from unnest($1::integer[], $2::bytea[], $3::bytea[]) as w (bucket, install, member_id)
where exists (
    select from sighting s where s.bucket = w.bucket and s.install = w.install and s.member_id <> w.member_id
)
