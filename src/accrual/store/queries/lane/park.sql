-- Puts commands that could not be decided aside, with their stored bytes.
insert into parked as p (bucket, position, parked_at, error, tries, facts)
select r.bucket, r.position, r.parked_at, r.error, 1, r.facts
from unnest($1::integer[], $2::bigint[], $3::timestamptz[], $4::text[], $5::bytea[])
    as r (bucket, position, parked_at, error, facts)
order by r.bucket, r.position
on conflict (bucket, position) do update
    set parked_at = excluded.parked_at, error = excluded.error, facts = excluded.facts
