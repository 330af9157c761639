-- Counts a try at deciding one command, committed before the try, so that a try that kills the process is counted too.
-- No row means that the bucket is another lane's by now: whoever was robbed of it may not blame its commands. $3: the epoch.
insert into parked as p (bucket, position, error, tries)
select l.bucket, $2::bigint, 'died while deciding', 1 from lane l where l.bucket = $1::integer and l.epoch = $3::bigint
on conflict (bucket, position) do update set tries = p.tries + 1
returning p.tries
