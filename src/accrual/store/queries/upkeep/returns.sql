-- Parked returns that wait for their purchase, in the log's order. $1 bucket, $2 recorded by then, $3 behind, $4 limit.
select c.position, c.ticket, c.programme_id, c.client_id, c.recorded_at, c.facts
from parked p
join awaited w on w.bucket = p.bucket and w.position = p.position
join command c on c.bucket = p.bucket and c.position = p.position
where p.bucket = $1 and p.resumed_position is null and c.recorded_at <= $2 and p.position > $3
order by p.position
limit $4
