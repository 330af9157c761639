-- Takes one bucket over at a known epoch; the epoch rises, so whoever owned it can post no more. $4: our earlier self.
update lane
set owner = $2::uuid, epoch = epoch + 1, clean = false,
    suspicion = case when clean or owner = $4::uuid then suspicion else least(suspicion + 1, 16) end
where bucket = $1::integer and epoch = $3::bigint
returning bucket, cursor, epoch, chain, outbox_next, suspicion
