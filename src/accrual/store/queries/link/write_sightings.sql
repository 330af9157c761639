-- Notes with which members install ids were seen, each once, in order.
insert into sighting (bucket, install, member_id)
select w.bucket, w.install, w.member_id
from unnest($1::integer[], $2::bytea[], $3::bytea[]) as w (bucket, install, member_id)
order by w.bucket, w.install, w.member_id
on conflict (bucket, install, member_id) do nothing
