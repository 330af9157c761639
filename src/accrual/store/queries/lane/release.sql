-- Gives one bucket back in good order.
update lane set owner = null, epoch = epoch + 1, clean = true
where bucket = $1::integer and epoch = $2::bigint and owner = $3::uuid
returning bucket
