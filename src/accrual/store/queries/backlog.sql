-- How many commands of each bucket are appended and not decided yet; buckets without any are left out.
select t.bucket, t.next - l.cursor as waiting
from tail t
join lane l on l.bucket = t.bucket
where t.next > l.cursor
