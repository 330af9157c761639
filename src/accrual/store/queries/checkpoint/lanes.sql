-- Up to where each bucket is decided, and the head of its chain there. $1 buckets.
select bucket, cursor, chain from lane where bucket = any ($1::integer[]) order by bucket
