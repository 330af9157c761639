-- The seals of one bucket among the first of the stream, by position. $1 bucket, $2 size of the stream.
select sequence, bucket, first, until, tables from checkpoint_seal where bucket = $1 and sequence < $2 order by first
