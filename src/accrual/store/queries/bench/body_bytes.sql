-- Mean bytes of a stored body, over the commands of a few buckets.
select avg(octet_length(body))::bigint from command where bucket = any ($1::integer[])
