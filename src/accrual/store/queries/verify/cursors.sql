-- How far all lanes are together; it rises with each command decided. $1 buckets.
select coalesce(sum(cursor), 0) from lane where bucket = any ($1::integer[])
