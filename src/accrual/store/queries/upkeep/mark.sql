-- Buckets were looked through up to these instants; that never goes back. $1 buckets, $2 instants.
insert into upkeep as u (bucket, done_until)
select b.bucket, b.done_until
from unnest($1::integer[], $2::timestamptz[]) as b (bucket, done_until)
order by b.bucket
on conflict (bucket) do update set done_until = greatest(u.done_until, excluded.done_until)
