-- Tickets put aside and not tried again with success. $1 buckets, $2 programme or null, $3 and $4 the ticket to go on behind.
select c.ticket
from parked p
join command c on c.bucket = p.bucket and c.position = p.position
where p.bucket = any ($1::integer[])
    and p.parked_at is not null
    and p.resumed_position is null
    and ($2::integer is null or c.programme_id = $2)
    and (
        $3::integer is null
        or (p.bucket, p.position) > (
            $3, (select k.position from command k where k.bucket = $3 and k.ticket = $4::uuid)
        )
    )
order by p.bucket, p.position
limit $5
