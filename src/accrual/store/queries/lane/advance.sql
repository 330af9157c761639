-- The fence: moves the lanes of a batch, in bucket order, only where epoch and cursor are what the batch was loaded from.
insert into lane as l (bucket, prior_cursor, cursor, epoch, chain, outbox_next, clean, suspicion)
select a.bucket, a.prior_cursor, a.cursor, a.epoch, a.chain, a.outbox_next, false, a.suspicion
from unnest($1::integer[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bytea[], $6::bigint[], $7::smallint[])
    as a (bucket, prior_cursor, cursor, epoch, chain, outbox_next, suspicion)
order by a.bucket
on conflict (bucket) do update
    set prior_cursor = excluded.prior_cursor, cursor = excluded.cursor, chain = excluded.chain,
        outbox_next = excluded.outbox_next, suspicion = excluded.suspicion
    where l.epoch = excluded.epoch and l.cursor = excluded.prior_cursor
returning l.bucket
