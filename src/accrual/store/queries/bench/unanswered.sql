-- Commands without an outcome and outcomes without a command, at most $1.
-- all buckets: a benchmark checks the whole database
select coalesce(c.bucket, o.bucket) as bucket, coalesce(c.position, o.position) as position
from (select bucket, position from command) c
full join (select bucket, position from outcome) o on o.bucket = c.bucket and o.position = c.position
where c.position is null or o.position is null
limit $1
