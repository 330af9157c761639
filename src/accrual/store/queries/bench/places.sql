-- Each bucket's log as it is counted and as tail and cursor have it, with the awards that stand in its lines.
-- all buckets: a benchmark checks the whole database
select t.bucket, t.next, l.cursor, coalesce(c.commands, 0)::bigint as commands, coalesce(w.awards, 0)::bigint as awards
from tail t
join lane l on l.bucket = t.bucket
left join (select bucket, count(1) as commands from command group by bucket) c on c.bucket = t.bucket
left join (
    select bucket, count(1) as awards from line where covers_from is null and kind = $1 group by bucket
) w on w.bucket = t.bucket
order by t.bucket
