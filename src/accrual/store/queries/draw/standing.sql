-- Since when each bucket has had a command that no lane has decided; buckets that are done are left out.
select l.bucket, c.recorded_at
from lane l
join tail t on t.bucket = l.bucket
join command c on c.bucket = l.bucket and c.position = l.cursor
where l.cursor < t.next
