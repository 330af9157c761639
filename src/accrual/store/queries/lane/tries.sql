-- Counts a try at deciding one command, committed before the try, so that a try that kills the process is counted too.
insert into parked as p (bucket, position, error, tries)
values ($1::integer, $2::bigint, 'died while deciding', 1)
on conflict (bucket, position) do update set tries = p.tries + 1
returning p.tries
