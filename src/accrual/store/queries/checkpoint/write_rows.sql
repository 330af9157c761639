-- Adds row versions. $1 sequences, $2 checkpoint's number, $3 sources, $4 keys, $5 digests; one a place.
insert into checkpoint_row (sequence, number, source, key, digest)
select sequence, $2, source, key, digest
from unnest($1::bigint[], $3::text[], $4::text[], $5::bytea[]) as u (sequence, source, key, digest)
