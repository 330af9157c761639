-- Commands put aside and not tried again yet: how many there are in all buckets, and the newest few. $1 limit.
select count(*) over (), c.ticket, p.error
from parked p
join command c on c.bucket = p.bucket and c.position = p.position
where p.parked_at is not null and p.resumed_position is null
order by p.parked_at desc
limit $1
