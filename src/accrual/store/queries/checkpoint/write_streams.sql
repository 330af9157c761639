-- Moves the streams that a checkpoint covers further. $1 names, $2 sizes, $3 chain heads, $4 hashes; one a place.
insert into checkpoint_stream as s (name, size, head, hashes)
select name, size, head, hashes
from unnest($1::text[], $2::bigint[], $3::bytea[], $4::bytea[]) as u (name, size, head, hashes)
order by name
on conflict (name) do update set size = excluded.size, head = excluded.head, hashes = excluded.hashes
