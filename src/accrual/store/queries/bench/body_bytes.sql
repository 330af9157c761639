-- Bytes of stored bodies and how many commands they belong to, over a few buckets.
select coalesce(sum(octet_length(body)), 0)::bigint as bytes, count(1) as commands
from command
where bucket = any ($1::integer[])
