-- Tickets of the parked returns that wait for one command and were not tried again since.
select c.ticket
from awaited w
join parked p on p.bucket = w.bucket and p.position = w.position
join command c on c.bucket = w.bucket and c.position = w.position
where w.bucket = $1::integer and w.target = $2::uuid and p.resumed_position is null
order by w.position
