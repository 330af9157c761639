-- Adds seals of stretches of buckets. $1 sequences, $2 buckets, $3 first positions, $4 ends, $5 tables; one a place.
insert into checkpoint_seal (sequence, bucket, first, until, tables)
select sequence, bucket, first, until, tables
from unnest($1::bigint[], $2::integer[], $3::bigint[], $4::bigint[], $5::text[]) as u (sequence, bucket, first, until, tables)
