-- Commands that were parked, at most $1.
-- all buckets: a benchmark checks the whole database
select bucket, position from parked limit $1
