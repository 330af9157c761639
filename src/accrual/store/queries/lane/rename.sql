-- Writes members' new names, in bucket order.
insert into member as m (bucket, member_id, programme_id, enrolled_at, enrolled_position, name)
select m0.bucket, m0.member_id, m0.programme_id, m0.enrolled_at, m0.enrolled_position, r.name
from unnest($1::integer[], $2::bytea[], $3::text[]) as r (bucket, member_id, name)
join member m0 on m0.bucket = r.bucket and m0.member_id = r.member_id
order by m0.bucket, m0.member_id
on conflict (bucket, member_id) do update set name = excluded.name
