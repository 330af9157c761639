-- How far the log reaches in these buckets.
select t.bucket, t.next from tail t where t.bucket = any ($1::integer[])
