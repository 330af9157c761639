-- Up to when each bucket was looked through, and since when a command of it waits undecided. $1 buckets.
select l.bucket, u.done_until, c.recorded_at
from lane l
left join upkeep u on u.bucket = l.bucket
left join command c on c.bucket = l.bucket and c.position = l.cursor
where l.bucket = any ($1::integer[])
