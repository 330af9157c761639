-- Every row version in the order of its stream, for a cursor.
select sequence, number, source, key, digest from checkpoint_row order by sequence
