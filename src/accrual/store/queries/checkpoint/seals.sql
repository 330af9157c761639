-- Every seal in the order of its stream, for a cursor.
select sequence, bucket, first, until, tables from checkpoint_seal order by sequence
