-- All buckets together: how many there are, how many have an owner, how much waits, and the most that waits in one bucket.
select count(*), count(l.owner), coalesce(sum(t.next - l.cursor), 0)::bigint, coalesce(max(t.next - l.cursor), 0)
from tail t
join lane l on l.bucket = t.bucket
