-- How many commands wait, and how many buckets each owner has.
-- all buckets: a benchmark watches the whole database
select coalesce(sum(t.next - l.cursor), 0)::bigint as waiting,
    array(select count(1)::integer from lane o where o.owner is not null group by o.owner) as shares
from tail t
join lane l on l.bucket = t.bucket
