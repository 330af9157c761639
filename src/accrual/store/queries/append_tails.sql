-- Moves the tails of buckets by so many commands, whose rows follow in the same transaction; answers the new tails.
insert into tail as t (bucket, next, recorded_at)
select b.bucket, b.commands, $3::timestamptz
from unnest($1::integer[], $2::bigint[]) as b (bucket, commands)
order by b.bucket
on conflict (bucket) do update
    set next = t.next + excluded.next, recorded_at = greatest(t.recorded_at, excluded.recorded_at)
returning t.bucket, t.next, t.recorded_at
