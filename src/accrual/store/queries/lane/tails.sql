-- How far the log reaches in these buckets, and under bucket -1 a sum that rises with every change of any programme.
select t.bucket, t.next from tail t where t.bucket = any ($1::integer[])
union all
select -1, coalesce(sum(p.revision), 0) + count(*) from programme p
