-- Reads how many commands of each bucket are decided. $1 all buckets.
select bucket, cursor - 1 as decided from lane where bucket = any ($1::integer[]) and cursor > 1
