-- Buckets in which a return waits for its purchase. $1 buckets.
select l.bucket
from lane l
where l.bucket = any ($1::integer[])
    and exists (
        select 1
        from parked p
        join awaited w on w.bucket = p.bucket and w.position = p.position
        where p.bucket = l.bucket and p.resumed_position is null
    )
