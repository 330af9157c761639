-- Writes what members are marked with and whom they were merged into, in bucket order.
insert into member as m (bucket, member_id, programme_id, enrolled_at, enrolled_position, marks, merged_into)
select m0.bucket, m0.member_id, m0.programme_id, m0.enrolled_at, m0.enrolled_position, r.marks, r.merged_into
from unnest($1::integer[], $2::bytea[], $3::smallint[], $4::bytea[]) as r (bucket, member_id, marks, merged_into)
join member m0 on m0.bucket = r.bucket and m0.member_id = r.member_id
order by m0.bucket, m0.member_id
on conflict (bucket, member_id) do update set marks = excluded.marks, merged_into = excluded.merged_into
