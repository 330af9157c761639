-- Reads the newest command of a programme among the last few of each bucket, to see how old facts are when they arrive.
select newest.recorded_at, newest.facts
from tail join lateral (
    select recorded_at, facts from command
    where bucket = tail.bucket and position >= tail.next - 8 and position < tail.next and programme_id = $1
    order by position desc limit 1
) newest on true
order by newest.recorded_at desc limit 100
