-- Makes the lane of every bucket, in a new database; the next position to read is 1, the chain starts at zeros.
insert into lane (bucket, cursor, prior_cursor, epoch, owner, clean, suspicion, chain, outbox_next)
select b, 1, 1, 0, null, true, 0, $2, 1 from unnest($1::integer[]) as given (b) order by b
