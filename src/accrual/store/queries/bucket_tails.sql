-- Makes the tail of every bucket, in a new database; the first position is 1.
insert into tail (bucket, next, recorded_at) select b, 1, $2 from unnest($1::integer[]) as given (b) order by b
