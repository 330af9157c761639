-- Every row version in the order of its row, for a cursor.
select sequence, number, source, key, digest from checkpoint_row order by source, key, sequence
